--- Faults of uploads: what happens to a body on its way in; and a sink, to look at one that arrived.
--
-- One function a scenario, `faults.name(request, response, args…)`; the args are strings from the path. The body has
-- not been read when a scenario begins: it comes from `request.pieces()`, and is never whole in memory.

local cjson = require "cjson"
local socket = require "socket"

local faults = {}

local SAMPLE = 1024    -- bytes of each end that the sink shows
local STRIDE = 97      -- of all bytes, the sink's checksum takes each 97th
local LINGER = 2       -- seconds

-- The sink ----------------------------------------------------------------------------------------------------------

--- The checksum so far with the bytes of a piece that begins at `position` (from 0) of the body.
local function add_bytes(checksum, piece, position)
  local first = (STRIDE - position % STRIDE) % STRIDE + 1
  for at = first, #piece, STRIDE do checksum = (checksum * 31 + piece:byte(at)) % 4294967296 end
  return checksum
end

--- Bytes as a text that JSON can hold: as they are if they are UTF-8, else each byte as a character of Latin-1.
local function as_text(bytes)
  return utf8.len(bytes) and bytes or (bytes:gsub("[\x80-\xFF]", function(byte) return utf8.char(byte:byte()) end))
end

--- sink: reads and drops the body; tells its size, its checksum, both ends and the headers.
function faults.sink(request, response)
  local size, checksum, first, last = 0, 0, "", ""
  for piece in request.pieces() do
    checksum = add_bytes(checksum, piece, size)
    size = size + #piece
    if #first < SAMPLE then first = (first .. piece):sub(1, SAMPLE) end
    last = (last .. piece:sub(-SAMPLE)):sub(-SAMPLE)
  end
  response:whole(200, cjson.encode {
    size = size, checksum = ("%08x"):format(checksum), first = as_text(first), last = as_text(last),
    headers = request.headers,
  })
end

-- The upload ends early ---------------------------------------------------------------------------------------------

--- cut_upload:BYTES: RST after that many bytes of the body.
function faults.cut_upload(request, _, bytes)
  local left = tonumber(bytes) or 0
  for piece in request.pieces() do
    left = left - #piece
    if left <= 0 then break end
  end
  request.conn:reset()
end

--- early_413: refuses the body before it was read, and closes. What comes meanwhile is dropped for two seconds: a
--- socket that closes on unread bytes sends a RST, which may overtake the answer.
function faults.early_413(request, response)
  response:whole(413, '{"detail":"File size limit exceeded. Expected: 21.0 MB. Actual: 210.0 MB."}')
  response.complete = false
  local conn, deadline = request.conn, socket.gettime() + LINGER
  if not conn.tls then conn.socket:shutdown("send") end
  while socket.gettime() < deadline do conn:receive() end
  conn:close()
end

return faults
