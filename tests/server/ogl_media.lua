--- What the played server makes of files: OCR, transcriptions, and the parser of 0.4.x.
--
-- Nothing is recognized: the answers name the file and its size, so that a test can see that it arrived whole. A PDF
-- has as many pages as it says (`/Type /Page`), two if it does not say; any other document has one. What is behind a
-- URL is not fetched.

local check = require "server.check"
local gate = require "server.gate"
local Gateway = require "server.gateway"
local http = require "server.http"
local json = require "server.json"
local mime = require "mime"
local multipart = require "server.multipart"
local refusal = require "server.refusal"
local script = require "server.script"

local MOST_BYTES = 20 * 1024 * 1024
local PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

--- Refuses a file that is too large, in the words of the version.
local function check_size(call, file)
  if #file.data > MOST_BYTES then refusal.refuse(413, call.dialect.texts.file_size, #file.data / 1e6) end
end

local function check_type(file, endings)
  local ending = file.filename:lower():match("%.(%w+)$") or ""
  if not endings[ending] then refusal.refuse(422, "Unsupported file type.") end
  return ending
end

--- A form's field that must be a file: a text in its place is refused as pydantic does.
local function check_file(value)
  if type(value) == "table" then return value end
  check.fail("value_error", { "body", "file" }, "Value error, Expected UploadFile, received: <class 'str'>", value)
end

local function count_pages(bytes)
  if bytes and bytes:sub(1, 4) ~= "%PDF" then return 1 end
  local _, count = (bytes or ""):gsub("/Type%s*/Page%f[^%w]", "")
  return count > 0 and count or 2
end

-- OCR ---------------------------------------------------------------------------------------------------------------

local function document_fields(document)
  if document.type == "image_url" then
    return { { "image_url", "any", required = true } }
  end
  return {
    { "type", "enum", values = { "document_url", "image_url" }, default = "document_url" },
    { "document_url", "string", required = true }, { "document_name", "string", null = true },
  }
end

local FORMAT = { { "type", "enum", values = { "text", "json_object", "json_schema" }, default = "text" } }

local OCR = {
  { "document", "object", fields = document_fields, required = true },
  { "model", "string", null = true },
  { "pages", "list", of = { nil, "integer", min = 0 }, null = true },
  { "include_image_base64", "boolean", null = true },
  { "image_limit", "integer", null = true }, { "image_min_size", "integer", null = true },
  { "bbox_annotation_format", "object", fields = FORMAT, null = true },
  { "document_annotation_format", "object", fields = FORMAT, null = true },
}

--- The name of a document, and its bytes if they came along (a data URL).
local function open_document(document)
  local url = document.document_url or document.image_url
  if type(url) == "table" then url = tostring(url.url) end
  local data = url:match("^data:[^,]*;base64,(.*)$")
  local bytes = data and mime.unb64(data)
  local name = document.document_name or not data and url:match("[^/]*$") or "document"
  return type(name) == "string" and name or "document", bytes
end

local function page_json(name, bytes, index, with_image)
  local images = json.list()
  if with_image then
    images[1] = json.record("id", "img-0.png", "top_left_x", 10, "top_left_y", 20, "bottom_right_x", 110,
      "bottom_right_y", 220, "image_base64", "data:image/png;base64," .. PIXEL, "image_annotation", nil)
  end
  local markdown = ("# %s\n\nPage %d, %d octets."):format(name, index + 1, bytes and #bytes or 0)
  return json.record("index", index, "markdown", markdown, "images", images,
    "dimensions", json.record("dpi", 200, "height", 2200, "width", 1700))
end

--- The pages that are asked for, of those that there are.
local function pages_json(body, name, bytes)
  local list, count = json.list(), count_pages(bytes)
  local wanted = body.pages
  if not wanted then
    wanted = {}
    for index = 0, count - 1 do wanted[index + 1] = index end
  end
  for _, index in ipairs(wanted) do
    if index < count then list[#list + 1] = page_json(name, bytes, index, body.include_image_base64) end
  end
  return list
end

local function ocr(call)
  local body = check.body(call.request, OCR)
  local default = call.play.fleet:any("image-to-text")
  local router = gate.model(call, body.model or default and default.name, { "image-to-text" })
  gate.admit(call, router, 0, call.dialect.limits_others)
  local name, bytes = open_document(body.document)
  local pages = pages_json(body, name, bytes)
  call.play.ledger:enter(call, router, { 0, 0 })
  call:answer(200, json.record(
    "document_annotation", body.document_annotation_format and json.encode(json.record("title", name)),
    "id", Gateway.request_id(), "model", body.model or router.name, "pages", pages,
    "usage", json.raw(script.usage(call.dialect.usage_others, call.play.fleet.prices(router), 0, 0)),
    "usage_info", json.record("doc_size_bytes", bytes and #bytes, "pages_processed", #pages)))
end

-- Transcriptions ----------------------------------------------------------------------------------------------------

local AUDIO_ENDINGS = { mp3 = true, wav = true }

local function audio_fields(dialect)
  return {
    { "file", "any", required = true },
    { "model", "string", required = true },
    { "language", "string", null = true, check = function(text)
      -- not the 212 names of the real one, but what no language of them is
      return not text:find("^%l*%s?%l*$") and "Input should be a known language" or nil
    end },
    { "prompt", "string", default = "" },
    { "response_format", "enum", values = dialect.audio_formats, default = "json" },
    { "temperature", "number", min = 0, max = 1, default = 0 },
  }
end

local function timestamp(seconds, comma)
  return ("00:00:%02d%s000"):format(seconds, comma)
end

--- Bare texts, each with its content type.
local TEXTS = {
  text = { "text/plain; charset=utf-8", function(text) return text .. "\n" end },
  srt = { "application/x-subrip", function(text)
    return ("1\n%s --> %s\n%s\n\n"):format(timestamp(0, ","), timestamp(2, ","), text)
  end },
  vtt = { "text/vtt; charset=utf-8", function(text)
    return ("WEBVTT\n\n%s --> %s\n%s\n\n"):format(timestamp(0, "."), timestamp(2, "."), text)
  end },
}

local function segments(text, format)
  if format == "json" then return nil end
  local segment = json.record("id", 0, "type", "transcript.text.segment", "text", text, "start", json.float(0),
    "end", json.float(2), "speaker", format == "diarized_json" and "SPEAKER_00" or nil)
  return json.list { segment }
end

local function transcriptions(call)
  local form = multipart.values(call.request, audio_fields(call.dialect))
  local file = check_file(form.file)
  local router = gate.model(call, form.model, { "automatic-speech-recognition" })
  check_size(call, file)
  check_type(file, AUDIO_ENDINGS)
  gate.admit(call, router, 0, call.dialect.limits_others)
  call.play.ledger:enter(call, router, { 0, 0 })
  local text = ("Transcription de « %s », %d octets."):format(file.filename, #file.data)
  local bare = TEXTS[form.response_format]
  if bare then return call.response:whole(200, bare[2](text), bare[1]) end
  local answer = json.record("id", Gateway.request_id(), "text", text, "model", form.model,
    "segments", segments(text, form.response_format),
    "usage", json.raw(script.usage(call.dialect.usage_others, call.play.fleet.prices(router), 0, 0)))
  if form.response_format == "verbose_json" then
    answer = json.extend(answer, "task", "transcribe", "language", form.language or "fr", "duration", json.float(2))
  end
  call:answer(200, answer)
end

-- The parser of 0.4.x -----------------------------------------------------------------------------------------------

local PARSE = {
  { "file", "any", required = true },
  { "page_range", "string", default = "" },
  { "force_ocr", "boolean", default = false },
}

--- `0,5-7` as a set; nil, which is everything, for nothing.
local function range_of(text)
  local wanted = {}
  for first, last in text:gmatch("(%d+)%-?(%d*)") do
    for page = tonumber(first), tonumber(last) or tonumber(first) do wanted[page] = true end
  end
  return next(wanted) and wanted
end

local function parse(call)
  local form = multipart.values(call.request, PARSE)
  local file = check_file(form.file)
  check_size(call, file)
  check_type(file, { pdf = true })
  local pages, wanted = json.list(), range_of(form.page_range)
  for page = 0, count_pages(file.data) - 1 do
    if not wanted or wanted[page] then
      pages[#pages + 1] = json.record("object", "documentPage", "content", ("Page %d"):format(page + 1), "images", {},
        "metadata", json.record("document_name", http.unescape(file.filename), "page", page))
    end
  end
  call:answer(200, json.record("object", "list", "data", pages,
    "usage", json.raw(script.usage(call.dialect.usage_others, { 0.0, 0.0 }, 0, 0))))
end

return function(dialect)
  return {
    { "POST", "/v1/ocr", ocr },
    { "POST", "/v1/audio/transcriptions", transcriptions },
    { "POST", "/v1/parse-beta", parse, off = not dialect.parse },
  }
end
