--- Fetching: media at an address become bytes of the request, for servers that take no addresses or cannot reach them.
--
-- Only where the request says `fetch = true`: a request may come from elsewhere (decode_request), and its addresses may name what we
-- alone can reach. `fetch = function(url) … end` is asked for each, and for each that a server refers to; false refuses it.
--
-- @module opengatellm.fetch
local errors = require "opengatellm.errors"
local media = require "opengatellm.media"
local outside = require "opengatellm.outside"
local request = require "opengatellm.request"

local M = {}

local REFERRALS = 3 -- redirections that are followed
local MEDIA = { image = true, audio = true, file = true }

-- What of an address may stand in an error: queries hold signatures, and names may be followed by a password.
local function shown(url) return (url:gsub("[?#].*", ""):gsub("//[^/]*@", "//")) end

local function failure(kind, url, message)
  return errors.new { kind = kind, code = "fetch", message = shown(url) .. ": " .. message, sent = false }
end

-- The address that a server refers to.
local function referred(url, location)
  if type(location) ~= "string" or location:find "[%c ]" then return nil end
  if location:find "^https?://" then return location end
  if location:find "^//" then return url:match "^https?:" .. location end
  if location:find "^/" then return url:match "^https?://[^/?#]*" .. location end
end

local function refuse(allowed, url)
  if allowed == true or allowed(url) then return nil end
  return failure("invalid", url, "`fetch` refuses this address")
end

-- The bytes at an address and the headers that came with them.
local function get(client, url, allowed)
  for _ = 0, REFERRALS do
    local err = refuse(allowed, url)
    if err then return nil, err end
    local asked = { method = "GET", url = url, headers = { { "accept", "*/*" } }, max_body = media.MAX }
    local status, headers, body = outside.ask(client, asked)
    if not status then
      headers.message, headers.sent = shown(url) .. ": " .. headers.message, false
      return nil, headers
    end
    if status >= 200 and status < 300 then return body, headers end
    local next_url = status >= 301 and status <= 308 and referred(url, headers.location)
    if not next_url then return nil, failure("http", url, "the answer has status " .. status) end
    url = next_url
  end
  return nil, failure("http", url, "it refers on and on")
end

-- A type that says something: many a server calls everything a stream of octets.
local function type_of(headers)
  local mime = type(headers["content-type"]) == "string" and headers["content-type"]:match "^%s*([%w.+-]+/[%w.+-]+)"
  return mime and mime:lower() ~= "application/octet-stream" and mime:lower() or nil
end

local function fetched(client, part, allowed)
  local bytes, headers = get(client, part.url, allowed)
  if not bytes then return nil, headers end
  local changed = request.merge(part, {
    data = bytes, mime = part.mime or media.sniff(bytes) or type_of(headers),
    name = part.name or shown(part.url):match "//[^/]+/.-([^/]+)$",
  })
  changed.url = nil
  return changed
end

local function is_remote(part)
  return type(part) == "table" and MEDIA[part.type] and type(part.url) == "string" and part.url:find "^[Hh][Tt][Tt][Pp][Ss]?://" ~= nil
end

-- A message with bytes in place of addresses; the same where it has none.
local function with_bytes(client, message, allowed)
  local content, changed = {}, false
  for i, part in ipairs(type(message.content) == "table" and message.content or {}) do
    content[i] = part
    if is_remote(part) then
      local err
      content[i], err = fetched(client, part, allowed)
      if err then return nil, err end
      changed = true
    end
  end
  return changed and request.merge(message, { content = content }) or message
end

--- The request with the bytes of its media in place of their addresses. The caller's stays as it was.
---@param client ogl.Client
---@param asked ogl.Request checked, with `fetch`
---@return ogl.Request?
---@return ogl.Error? err
function M.resolve(client, asked)
  local messages = {}
  for i, message in ipairs(asked.messages) do
    local err
    messages[i], err = with_bytes(client, message, asked.fetch)
    if err then return nil, err end
  end
  return request.merge(asked, { messages = messages })
end

return M
