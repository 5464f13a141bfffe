--- Images: the pictures that a server has drawn, as bytes or as addresses.
--
-- @module opengatellm.operations.images
local core = require "opengatellm.core"
local media = require "opengatellm.request.media"

local M = {}

---@class ogl.Images
---@field images {url?: string, data?: string, mime?: string, revised_prompt?: string}[] data: the bytes
---@field created? integer seconds since 1970
---@field size? string
---@field quality? string
---@field background? string
---@field usage? ogl.Usage

-- The type of the bytes; if they do not tell, that of the answer or the request.
local function mime_of(bytes, answer, options)
  local format = type(answer.output_format) == "string" and answer.output_format or options.output_format
  return media.sniff(bytes) or format and "image/" .. format or "application/octet-stream"
end

local function image_of(row, answer, options)
  local image = { url = row.url, revised_prompt = row.revised_prompt }
  if row.b64_json ~= nil then
    image.data = type(row.b64_json) == "string" and core.base64_decode(row.b64_json) or nil
    if not image.data then return nil end
    image.mime = mime_of(image.data, answer, options)
  end
  return (image.data or type(image.url) == "string") and image or nil
end

--- Reads the images of an answer, {data: [{url or b64_json, revised_prompt}], usage, …}.
---@param answer table
---@param context ogl.Context
function M.finish(answer, context)
  local images = {}
  if type(answer.data) ~= "table" then return nil, "a list of images" end
  for i, row in ipairs(answer.data) do
    images[i] = type(row) == "table" and image_of(row, answer, context.options) or nil
    if not images[i] then return nil, "a list of images" end
  end
  return {
    images = images, created = answer.created, size = answer.size, quality = answer.quality, background = answer.background, usage = answer.usage,
  }
end

--- Refuses a stream, since images come whole.
---@param options table of the call
---@return string? name of the parameter
---@return string? problem
function M.rule(options)
  if options.stream then return "stream", "images come whole" end
end

return M
