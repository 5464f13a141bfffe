--- gzip: bytes for `content-encoding: gzip`, without a compression library.
--
-- `gzip.store(bytes)` makes a correct gzip member (RFC 1952) whose deflate data are stored blocks (RFC 1951,
-- 3.2.4): a little longer than the input, and any decoder must accept it. `gzip.bomb(MiB)` makes the opposite, a
-- small member that becomes `MiB` of blanks and then `{}`; it needs the `gzip` program, and each size is made once
-- and kept.

local gzip = {}

local BLOCK = 65535 -- the most that a stored block can hold

local function make_crc_table()
  local crcs = {}
  for byte = 0, 255 do
    local crc = byte
    for _ = 1, 8 do crc = (crc >> 1) ~ (crc & 1 == 1 and 0xEDB88320 or 0) end
    crcs[byte] = crc
  end
  return crcs
end

local CRCS = make_crc_table()

local function crc32(bytes)
  local crc = 0xFFFFFFFF
  for position = 1, #bytes do
    crc = (crc >> 8) ~ CRCS[(crc ~ bytes:byte(position)) & 0xFF]
  end
  return crc ~ 0xFFFFFFFF
end

--- One stored block: whether it is the last, its length, the length's complement, the bytes.
local function stored(bytes, is_last)
  return string.pack("<BI2I2", is_last and 1 or 0, #bytes, #bytes ~ 0xFFFF) .. bytes
end

function gzip.store(bytes)
  local parts = { "\31\139\8\0\0\0\0\0\0\255" } -- magic, deflate, no flags, no time, unknown system
  for from = 1, math.max(#bytes, 1), BLOCK do
    parts[#parts + 1] = stored(bytes:sub(from, from + BLOCK - 1), from + BLOCK > #bytes)
  end
  parts[#parts + 1] = string.pack("<I4I4", crc32(bytes), #bytes & 0xFFFFFFFF)
  return table.concat(parts)
end

local bombs = {}

function gzip.bomb(mebibytes)
  if not bombs[mebibytes] then
    local command = "{ head -c %d /dev/zero | tr '\\0' ' '; printf '{}'; } | gzip -1"
    local pipe = assert(io.popen(command:format(mebibytes * 1024 * 1024), "r"))
    bombs[mebibytes] = pipe:read("a")
    pipe:close()
  end
  return bombs[mebibytes]
end

return gzip
