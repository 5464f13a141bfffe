--- Widths: how many columns of a terminal a text fills, and texts that fill as many as wanted.
--
-- A character of East Asia or an emoji fills two columns, an accent that stands on another character none. The ranges are those of
-- Unicode's EastAsianWidth (W and F) and of its marks; of the scripts whose marks are many, the ones that names of models are written in.
--
-- @module opengatellm.base.width
local core = require "opengatellm.core"

local M = {}

local function ranges(text)
  local list = {}
  for range in text:gmatch "%S+" do
    local first, last = range:match "^(%x+)%-?(%x*)$"
    list[#list + 1] = { tonumber(first, 16), tonumber(last ~= "" and last or first, 16) }
  end
  return list
end

local WIDE = ranges [[
  1100-115F 231A-231B 2329-232A 23E9-23EC 23F0 23F3 25FD-25FE 2614-2615 2648-2653 267F 2693 26A1 26AA-26AB 26BD-26BE 26C4-26C5 26CE 26D4
  26EA 26F2-26F3 26F5 26FA 26FD 2705 270A-270B 2728 274C 274E 2753-2755 2757 2795-2797 27B0 27BF 2B1B-2B1C 2B50 2B55 2E80-3029 302E-303E
  3041-3098 309B-4DBF 4E00-A4CF A960-A97F AC00-D7A3 F900-FAFF FE10-FE19 FE30-FE6F FF01-FF60 FFE0-FFE6 16FE0-18CFF 1AFF0-1B2FF 1F004 1F0CF
  1F18E 1F191-1F19A 1F200-1F320 1F32D-1F335 1F337-1F37C 1F37E-1F393 1F3A0-1F3CA 1F3CF-1F3D3 1F3E0-1F3F0 1F3F4 1F3F8-1F43E 1F440
  1F442-1F4FC 1F4FF-1F53D 1F54B-1F54E 1F550-1F567 1F57A 1F595-1F596 1F5A4 1F5FB-1F64F 1F680-1F6C5 1F6CC 1F6D0-1F6D2 1F6D5-1F6DF
  1F6EB-1F6EF 1F6F4-1F6FF 1F7E0-1F7EB 1F90C-1F93A 1F93C-1F945 1F947-1F9FF 1FA70-1FAFF 20000-3FFFD
]]

local EMPTY = ranges [[
  300-36F 483-489 591-5BD 5BF 5C1-5C2 5C4-5C5 5C7 610-61A 61C 64B-65F 670 6D6-6DC 6DF-6E4 6E7-6E8 6EA-6ED 900-902 93A 93C 941-948 94D
  951-957 962-963 E31 E34-E3A E47-E4E 1160-11FF 1AB0-1AFF 1DC0-1DFF 200B-200F 202A-202E 2060-206F 20D0-20F0 302A-302D 3099-309A FE00-FE0F
  FE20-FE2F FEFF E0001-E01EF
]]

local function is_in(list, code)
  local low, high = 1, #list
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local range = list[middle]
    if code < range[1] then high = middle - 1
    elseif code > range[2] then low = middle + 1
    else return true end
  end
  return false
end

-- The number of a character, of which a text has its bytes.
local function code_of(character)
  local first = character:byte()
  if first < 0x80 then return first end
  local code = first < 0xE0 and first - 0xC0 or first < 0xF0 and first - 0xE0 or first - 0xF0
  for i = 2, #character do code = code * 64 + character:byte(i) - 0x80 end
  return code
end

local function columns_of(character)
  local code = code_of(character)
  if code < 0x300 then return 1 end
  if is_in(EMPTY, code) then return 0 end
  return is_in(WIDE, code) and 2 or 1
end

local CHARACTER = "[^\128-\191][\128-\191]*"

-- Characters that a terminal takes as orders: those below the blank, DEL, those of 8 bits, the ends of lines and what turns the direction
-- of the text around.
local ORDERS = { "%c+", "\194[\128-\159]", "\226\128[\168-\174]", "\226\129[\166-\169]" }

--- A text that a terminal shows and does not obey: each order of it is a blank, and bytes that are not UTF-8 are U+FFFD.
---@param text string
---@return string
function M.harmless(text)
  text = core.utf8_repair(text)
  for _, order in ipairs(ORDERS) do text = text:gsub(order, " ") end
  return text
end

--- Counts the columns of a text in one line.
---@param text string valid UTF-8
---@return integer
function M.of(text)
  if not text:find "[\128-\255]" then return #text end
  local columns = 0
  for character in text:gmatch(CHARACTER) do columns = columns + columns_of(character) end
  return columns
end

--- Cuts a text that is wider than it may be; "…" is its last character then.
---@param text string valid UTF-8
---@param columns integer 1 and above
---@return string
function M.cut(text, columns)
  if M.of(text) <= columns then return text end
  local kept, left = {}, columns - 1
  for character in text:gmatch(CHARACTER) do
    left = left - columns_of(character)
    if left < 0 then break end
    kept[#kept + 1] = character
  end
  return table.concat(kept) .. "…"
end

--- Puts blanks beside a text that is narrower than it should be.
---@param text string valid UTF-8
---@param columns integer
---@param to_the_right? boolean the blanks stand before it
---@return string
function M.pad(text, columns, to_the_right)
  local blanks = (" "):rep(columns - M.of(text))
  return to_the_right and blanks .. text or text .. blanks
end

return M
