--- Characters: what Python knows of them and Lua does not, for texts in UTF-8.
--
-- Cases are those of Latin, Greek, Cyrillic and Armenian letters; other letters stay as they are.
--
-- @module opengatellm.jinja.characters
local M = {}

--- The Lua pattern of one character; it takes a broken one for one, too.
M.ONE = "[^\128-\191][\128-\191]*"

--- Writes a code point.
---@param point integer
---@return string
function M.encode(point)
  local function tail(shift) return 128 + math.floor(point / 2 ^ shift) % 64 end
  if point < 0x80 then return string.char(point) end
  if point < 0x800 then return string.char(192 + math.floor(point / 2 ^ 6), tail(0)) end
  if point < 0x10000 then return string.char(224 + math.floor(point / 2 ^ 12), tail(6), tail(0)) end
  return string.char(240 + math.floor(point / 2 ^ 18), tail(12), tail(6), tail(0))
end

--- Reads the code point of a character.
---@param character string
---@return integer
function M.point(character)
  local first = character:byte()
  local point = first < 0x80 and first or first < 0xe0 and first % 0x20 or first < 0xf0 and first % 0x10 or first % 8
  for i = 2, #character do point = point * 64 + character:byte(i) % 64 end
  return point
end

--- Gives the byte at which each character begins, and the byte behind the last.
---@param bytes string
---@return integer[]
function M.starts(bytes)
  local starts = {}
  for at in bytes:gmatch("()" .. M.ONE) do starts[#starts + 1] = at end
  starts[#starts + 1] = #bytes + 1
  return starts
end

-- Blanks ------------------------------------------------------------------------------------------------------------

local blanks = {}
for byte in ("\t\n\v\f\r\28\29\30\31 "):gmatch "." do blanks[byte] = true end
for _, point in ipairs { 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000 } do blanks[M.encode(point)] = true end
for point = 0x2000, 0x200a do blanks[M.encode(point)] = true end

--- The set of blank characters.
---@type table<string, true>
M.blanks = blanks

--- Finds where a text begins behind the characters of a set.
---@param bytes string
---@param set table<string, true>
---@param from? integer
---@return integer first the byte behind the last of them
function M.behind(bytes, set, from)
  local at = from or 1
  while true do
    if set == blanks then at = bytes:match("^[\t-\r\28-\32]*()", at) end -- most are these, and there may be many
    local character = bytes:match("^" .. M.ONE, at)
    if not character or not set[character] then return at end
    at = at + #character
  end
end

--- Finds where a text ends in front of the characters of a set.
---@param bytes string
---@param set table<string, true>
---@return integer last the byte in front of the first of them
function M.before(bytes, set)
  local last = #bytes
  while last > 0 do
    local first = last
    while first > 1 and bytes:byte(first) >= 128 and bytes:byte(first) < 192 do first = first - 1 end
    if not set[bytes:sub(first, last)] then break end
    last = first - 1
  end
  return last
end

-- Cases -------------------------------------------------------------------------------------------------------------

local upper, lower = {}, {}

local function pair(big, small)
  big, small = M.encode(big), M.encode(small)
  upper[small], lower[big] = big, small
end

local function pairs_apart(first, last, distance)
  for point = first, last do pair(point, point + distance) end
end
local function pairs_in_turn(first, last)
  for point = first, last, 2 do pair(point, point + 1) end
end

pairs_apart(0x41, 0x5a, 32) -- A
pairs_apart(0xc0, 0xd6, 32) -- À
pairs_apart(0xd8, 0xde, 32) -- Ø
pairs_in_turn(0x100, 0x12e) -- Ā
pairs_in_turn(0x132, 0x136) -- Ĳ
pairs_in_turn(0x139, 0x147) -- Ĺ
pairs_in_turn(0x14a, 0x176) -- Ŋ
pairs_in_turn(0x179, 0x17d) -- Ź
pairs_apart(0x391, 0x3a1, 32) -- Α
pairs_apart(0x3a3, 0x3ab, 32) -- Σ
pairs_apart(0x410, 0x42f, 32) -- А
pairs_apart(0x400, 0x40f, 80) -- Ѐ
pairs_in_turn(0x460, 0x480) -- Ѡ
pairs_in_turn(0x48a, 0x4be) -- Ҋ
pairs_in_turn(0x4d0, 0x52e) -- Ӑ
pairs_apart(0x531, 0x556, 48) -- Ա
pairs_in_turn(0x1e00, 0x1e94) -- Ḁ
pairs_in_turn(0x1ea0, 0x1efe) -- Ạ
pair(0x178, 0xff) -- Ÿ
pair(0x386, 0x3ac)
pair(0x38c, 0x3cc)
for i = 0, 2 do pair(0x388 + i, 0x3ad + i) end
for i = 0, 1 do pair(0x38e + i, 0x3cd + i) end
upper["\195\159"] = "SS" -- ß
upper["\207\130"] = "\206\163" -- ς
upper["\194\181"] = "\206\156" -- µ

--- Letters and their capitals.
---@type table<string, string>
M.upper = upper
--- Capitals and their small letters.
---@type table<string, string>
M.lower = lower

--- Says whether a character is a letter, as far as this module knows letters: those without a case are, from U+0370 on.
---@param character string
---@return boolean
function M.is_letter(character)
  if upper[character] or lower[character] then return true end
  local point = M.point(character)
  return point >= 0x3040 and point < 0xd800 or point >= 0x5d0 and point < 0x1000 or point >= 0x20000
end

-- What is shown -------------------------------------------------------------------------------------------------------

local HIDDEN = { -- first and last of each run of code points that Python's repr escapes
  { 0, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x1680, 0x1680 }, { 0x2000, 0x200f },
  { 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0xd800, 0xf8ff }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
  { 0xfffe, 0xffff }, { 0xe0000, 0x10ffff },
}

--- Says whether Python shows a character in a quoted text as it is.
---@param character string
---@return boolean
function M.is_printable(character)
  local point = M.point(character)
  for _, run in ipairs(HIDDEN) do
    if point >= run[1] and point <= run[2] then return false end
  end
  return true
end

return M
