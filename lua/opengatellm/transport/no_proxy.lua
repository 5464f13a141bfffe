--- Reads the list of hosts that are reached without a proxy, by libcurl's rules.
--
-- A list of only "*" means every host. Other lists have names and addresses, with commas or blanks between them. A name means itself and
-- all names below it; case, a dot in front of it and a dot at its end do not count. Addresses are compared by their bytes, however they
-- are written, and `/bits` behind one makes it a network (CIDR); 0 bits mean, as in libcurl, only the address. IPv6 has no brackets.
--
-- @module opengatellm.transport.no_proxy
local M = {}

-- Addresses -------------------------------------------------------------------------------------------------------

-- Gives the bytes of "a.b.c.d", or nil.
local function ipv4(text)
  local bytes = { text:match "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$" }
  for i, digits in ipairs(bytes) do
    bytes[i] = tonumber(digits)
    if bytes[i] > 255 or digits:find "^0." then return nil end -- some programs read a number with a zero in front as octal
  end
  return bytes[1] and bytes or nil
end

-- Adds the bytes of groups with colons between them; the last may be an IPv4 address. Gives false for anything else.
local function add_groups(bytes, text, is_last)
  if text == "" then return true end
  for group, at in (text .. ":"):gmatch "([^:]*):()" do
    local tail = is_last and at > #text and ipv4(group)
    if tail then
      for _, byte in ipairs(tail) do bytes[#bytes + 1] = byte end
    elseif group:find "^%x%x?%x?%x?$" then
      local value = tonumber(group, 16)
      bytes[#bytes + 1], bytes[#bytes + 2] = math.floor(value / 256), value % 256
    else
      return false
    end
  end
  return true
end

local LENGTH = 16 -- bytes of an IPv6 address

-- Gives the bytes of an IPv6 address, or nil.
local function ipv6(text)
  local front, behind = text:match "^(.-)::(.*)$"
  local bytes, rest = {}, {}
  if not add_groups(bytes, front or text, not front) or not add_groups(rest, behind or "", true) then return nil end
  local missing = LENGTH - #bytes - #rest
  if front and missing < 2 or not front and missing ~= 0 then return nil end -- "::" stands for at least one group
  for _ = 1, missing do bytes[#bytes + 1] = 0 end
  for _, byte in ipairs(rest) do bytes[#bytes + 1] = byte end
  return bytes
end

-- Whether two addresses of one kind begin with the same bits; 0: all of them.
local function same_network(a, b, bits)
  if bits == 0 then bits = 8 * #a end
  if bits > 8 * #a then return false end
  local whole = math.floor(bits / 8)
  for i = 1, whole do
    if a[i] ~= b[i] then return false end
  end
  local unit = 2 ^ (8 - bits % 8) -- divides away the bits of the last byte that do not count
  return bits % 8 == 0 or math.floor(a[whole + 1] / unit) == math.floor(b[whole + 1] / unit)
end

local LONGEST = 127 -- bytes of an entry that can be an address

local function covers_address(entry, address, read)
  if #entry > LONGEST then return false end
  local text, bits = entry:match "^([^/]*)/(%d%d?%d?)$"
  local network = read(text or entry)
  return network ~= nil and same_network(address, network, tonumber(bits or 0))
end

-- Names -----------------------------------------------------------------------------------------------------------

local function covers_name(entry, name)
  entry = entry:gsub("%.$", ""):gsub("^%.", "")
  return entry == name or #entry < #name and name:sub(-#entry - 1) == "." .. entry
end

--- Says whether a list covers a host.
---@param host string an IPv6 address in brackets
---@param list string
---@return boolean
function M.covers(host, list)
  if list == "*" then return true end
  host = host:lower()
  local inner = host:match "^%[(.*)%]$"
  local read = inner and ipv6 or ipv4
  local address, name = read(inner or host), host:gsub("%.$", "")
  for entry in list:lower():gmatch "[^%s,]+" do
    if address and covers_address(entry, address, read) then return true end
    if not address and covers_name(entry, name) then return true end
  end
  return false
end

return M
