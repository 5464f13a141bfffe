--- Faults of files that go to the server before a request: a Gemini API that takes a file in two steps, names it, and tells its state.
--
-- One scenario, `files:ID[:STATES[:FLAW]]`. STATES has a letter for each time that the state is told (P, A or F), the last of them for
-- ever; the answer to the bytes is the first. The bytes are never whole in memory. FLAW, if any, is in the first step:
--
--   refuse        401, in Google's words
--   other_host    the bytes are wanted on localhost, which this server is not called
--   other_port    … on another port;   no_address: nowhere;   key: at an address with a key in it
--   busy          503 to the first bytes of this ID
--
-- A chat is answered with the addresses of the files that it names, one a line; `inline` stands for bytes in the request itself.

local cjson = require "cjson.safe"

local files = {}

local STATES = { P = "PROCESSING", A = "ACTIVE", F = "FAILED" }
local REFUSED = '{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}'

local uploads, told, made, busy = {}, {}, {}, {} -- by the scenario's ID: what was announced, states told, files, refusals

local function text_of(request)
  local pieces = {}
  for piece in request.pieces() do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

local function next_state(id, states)
  told[id] = (told[id] or 0) + 1
  local at = math.min(told[id], #states)
  return STATES[states:sub(at, at)]
end

local function file_of(request, id, states, number)
  local state = next_state(id, states)
  local file = made[id][number]
  return {
    name = ("files/%s-%d"):format(id, number), uri = ("http://%s/v1beta/files/%s-%d"):format(request.headers.host, id, number),
    displayName = file.name, mimeType = file.mime, sizeBytes = ("%d"):format(file.size), state = state,
    error = state == "FAILED" and { code = 3, message = "no film at all" } or nil,
  }
end

local function address(request, flaw, number)
  local host = request.headers.host
  if flaw == "other_host" then host = host:gsub("^[^:]*", "localhost") end
  if flaw == "other_port" then host = host:gsub(":%d+$", ":1") end
  return ("http://%s/%s/upload/v1beta/files?%supload_id=%d&upload_protocol=resumable")
    :format(host, request.scenario, flaw == "key" and "key=AIza-leaked&" or "", number)
end

local function start(request, response, id, flaw)
  local body = cjson.decode(text_of(request))
  if flaw == "refuse" then return response:whole(401, REFUSED) end
  uploads[id] = uploads[id] or {}
  table.insert(uploads[id], {
    name = body.file.display_name, size = request.headers["x-goog-upload-header-content-length"],
    mime = request.headers["x-goog-upload-header-content-type"],
  })
  if flaw ~= "no_address" then response:add_header("X-Goog-Upload-URL", address(request, flaw, #uploads[id])) end
  response:whole(200, "")
end

local function take(request, response, id, states, flaw)
  request.remembered = 0 -- zeros, in JSON six bytes each
  local size, announced = 0, uploads[id][tonumber(request.query:match "upload_id=(%d+)")]
  for piece in request.pieces() do size = size + #piece end
  if flaw == "busy" and not busy[id] then
    busy[id] = true
    return response:whole(503, '{"error":{"code":503,"message":"try again","status":"UNAVAILABLE"}}')
  end
  local headers = request.headers
  local last = headers["x-goog-upload-command"] == "upload, finalize" and headers["x-goog-upload-offset"] == "0"
  if not last or announced.size and tonumber(announced.size) ~= size then
    return response:whole(400, '{"error":{"message":"not the bytes"}}')
  end
  made[id] = made[id] or {}
  table.insert(made[id], { name = announced.name, mime = announced.mime, size = size })
  response:whole(200, cjson.encode { file = file_of(request, id, states, #made[id]) })
end

-- What a chat names, in the order of its parts.
local function named(request)
  local lines = {}
  for _, content in ipairs(cjson.decode(text_of(request)).contents or {}) do
    for _, part in ipairs(content.parts) do
      if part.fileData then lines[#lines + 1] = part.fileData.fileUri .. " " .. (part.fileData.mimeType or "?") end
      if part.inlineData then lines[#lines + 1] = "inline " .. part.inlineData.mimeType end
    end
  end
  return table.concat(lines, "\n")
end

local function chat(request, response, streamed)
  local frame = cjson.encode {
    candidates = { { content = { role = "model", parts = { { text = named(request) } } }, finishReason = "STOP", index = 0 } },
    usageMetadata = { promptTokenCount = 3, candidatesTokenCount = 2, totalTokenCount = 5 },
  }
  if not streamed then return response:whole(200, frame) end
  response:stream()
  response:chunk("data: " .. frame .. "\n\n")
  response:finish()
end

-- Two a page; the token is the number of those before it.
local function list(request, response, id, states)
  local offset = tonumber(request.query:match "pageToken=after(%d+)" or 0)
  local page = {}
  for number = offset + 1, math.min(offset + 2, #(made[id] or {})) do page[#page + 1] = file_of(request, id, states, number) end
  response:whole(200, cjson.encode {
    files = page[1] and page or nil, nextPageToken = made[id] and made[id][offset + 3] and ("after%d"):format(offset + 2) or nil,
  })
end

--- files:ID[:STATES[:FLAW]]
function files.files(request, response, id, states, flaw)
  states = states or "A"
  local route, number = request.route, tonumber(request.route:match "^/v1beta/files/[%w]+%-(%d+)$")
  if route == "/upload/v1beta/files" and request.query == "" then return start(request, response, id, flaw) end
  if route == "/upload/v1beta/files" then return take(request, response, id, states, flaw) end
  if route:find ":generateContent$" then return chat(request, response, false) end
  if route:find ":streamGenerateContent$" then return chat(request, response, true) end
  for _ in request.pieces() do end -- nothing
  if route:find ":countTokens$" then return response:whole(200, '{"totalTokens":7}') end
  if route == "/v1beta/files" then return list(request, response, id, states) end
  if number and request.method == "GET" then return response:whole(200, cjson.encode(file_of(request, id, states, number))) end
  if number and request.method == "DELETE" then return response:whole(200, "{}") end
  response:whole(404, '{"error":{"code":404,"message":"no such route","status":"NOT_FOUND"}}')
end

return files
