--- OCR: the document as the server wants it, and the pages as Lua counts them.
--
-- @module opengatellm.operations.ocr
local json = require "opengatellm.json"
local media = require "opengatellm.request.media"

local M = {}

---@class ogl.OCR
---@field text string the Markdown of all pages
---@field pages {index: integer, markdown?: string, images: table[], dimensions?: table}[] index counts from 1
---@field document_annotation? string
---@field model? string
---@field id? string
---@field usage? ogl.Usage
---@field usage_info? {doc_size_bytes?: integer, pages_processed: integer}

local PICTURES = { png = true, jpg = true, jpeg = true, gif = true, webp = true, bmp = true, tif = true, tiff = true, avif = true }

local function is_picture(part, url)
  if part.mime then return part.mime:find "^image/" ~= nil end
  local mime = url:match "^data:([^;,]+)"
  if mime then return mime:find "^image/" ~= nil end
  local ending = (part.path or url):match "%.(%w+)[^./]*$"
  return ending ~= nil and PICTURES[ending:lower()] or false
end

-- A text is an address if it begins like one, else a path.
local function part_of(document)
  if type(document) ~= "string" then return document end
  if document:find "^%a[%w+.-]*://" or document:find "^data:" then return { url = document } end
  return { path = document }
end

local function wire_document(document)
  local part = part_of(document)
  if part.document_url or part.image_url then return part end -- the server's own form
  local url, err = media.url(part)
  if not url then return nil, err end
  if is_picture(part, url) then return { type = "image_url", image_url = url } end
  return { type = "document_url", document_url = url, document_name = part.name or part.path and part.path:match "[^/\\]+$" or nil }
end

-- Up to 0.4 the schema of a format stands under another name.
local function wire_format(format, name)
  local inner = type(format) == "table" and format.json_schema
  if type(inner) ~= "table" or name == "schema" or not inner.schema then return format end
  local renamed, out = {}, {}
  for key, value in pairs(inner) do renamed[key == "schema" and name or key] = value end
  for key, value in pairs(format) do out[key] = value end
  out.json_schema = renamed
  return out
end

local function places(part)
  return (part.url and 1 or 0) + (part.path and 1 or 0) + (part.data and 1 or 0) + ((part.document_url or part.image_url) and 1 or 0)
end

--- Turns the document, in whichever form the caller gave it, into the one that the server takes.
---@param options table of the call
---@param context ogl.Context
function M.prepare(options, context)
  local document, err = options.document
  if type(document) ~= "string" and (type(document) ~= "table" or places(document) ~= 1) then
    return nil, "document", "an address, a path or a table with exactly one of url, path and data is needed"
  end
  options.document, err = wire_document(document)
  if not options.document then return nil, err end
  local name = context.operation.json_schema
  options.bbox_annotation_format = wire_format(options.bbox_annotation_format, name)
  options.document_annotation_format = wire_format(options.document_annotation_format, name)
  local pages = options.pages
  if type(pages) == "table" then
    options.pages = json.array {}
    for i, page in ipairs(pages) do options.pages[i] = page - 1 end
  end
  return options
end

--- Reads the pages of an answer, and joins their texts.
---@param answer table
function M.finish(answer)
  local texts = {}
  if type(answer.pages) ~= "table" then return nil, "a list of pages" end
  for i, page in ipairs(answer.pages) do
    if type(page) ~= "table" then return nil, "a list of pages" end
    page.index = type(page.index) == "number" and page.index + 1 or i
    texts[i] = type(page.markdown) == "string" and page.markdown or ""
  end
  answer.text = table.concat(texts, "\n\n")
  return answer
end

return M
