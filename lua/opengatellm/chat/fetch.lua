--- Fetching: the client downloads media and puts their bytes into the request, for servers that take no addresses or cannot reach them.
--
-- It does so only if the request says `fetch = true`, because a request may come from a stranger (decode_request), whose addresses may
-- name servers that only this machine can reach. `fetch = function(url) … end` is asked for each address, and for each that a server
-- redirects to; false refuses it.
--
-- @module opengatellm.chat.fetch
local errors = require "opengatellm.errors"
local media = require "opengatellm.request.media"
local foreign_request = require "opengatellm.http.foreign_request"
local request = require "opengatellm.request"
local url_of = require "opengatellm.base.url"

local M = {}

local REFERRALS = 3 -- redirections that are followed
local MEDIA = { image = true, audio = true, file = true }

-- Removes from an address what an error must not show: the query, which may hold a signature, and the user's name and password.
local function shown(url) return (url:gsub("[?#].*", ""):gsub("//[^/]*@", "//")) end

local function failure(kind, url, message)
  return errors.new { kind = kind, code = "fetch", message = shown(url) .. ": " .. message, sent = false }
end

local REFERS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- The address that a server redirects to; nil if it is not one of HTTP. Escapes blanks, as browsers do. Removes the part behind #, which
-- is not sent, because it would make the same address look like another.
local function referred(url, status, location)
  if not REFERS[status] or type(location) ~= "string" or location:find "%c" then return nil end
  local target = url_of.resolve(url, (location:gsub(" ", "%%20"))) or ""
  target = target:match "^[^#]*"
  local scheme, rest = target:match "^(%a+)(://[^/?#]+.*)$"
  scheme = scheme and scheme:lower()
  return (scheme == "http" or scheme == "https") and scheme .. rest or nil
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
    local status, headers, body = foreign_request.ask(client, asked)
    if not status then
      headers.message, headers.sent = shown(url) .. ": " .. headers.message, false
      return nil, headers
    end
    if status >= 200 and status < 300 then return body, headers end
    local next_url = referred(url, status, headers.location)
    if not next_url then return nil, failure("http", url, "the answer has status " .. status) end
    url = next_url
  end
  return nil, failure("http", url, "it redirects more than " .. REFERRALS .. " times")
end

-- The type from the headers; nil for application/octet-stream, because many servers give that type to every file.
local function type_of(headers)
  local mime = type(headers["content-type"]) == "string" and headers["content-type"]:match "^%s*([%w.+-]+/[%w.+-]+)"
  return mime and mime:lower() ~= "application/octet-stream" and mime:lower() or nil
end

-- The last segment of an address's path, or nil. The pattern takes linear time, because its `.*` goes to the last slash at once.
local function name_of(url)
  local path = shown(url):match "//[^/]+(/.*)$"
  return path and path:match "^.*/([^/]+)$"
end

local function fetched(client, part, allowed)
  local bytes, headers = get(client, part.url, allowed)
  if not bytes then return nil, headers end
  local changed = request.merge(part, {
    data = bytes, mime = part.mime or media.sniff(bytes) or type_of(headers),
    name = part.name or name_of(part.url),
  })
  changed.url = nil
  return changed
end

local function is_remote(part)
  return type(part) == "table" and MEDIA[part.type] and type(part.url) == "string" and part.url:find "^[Hh][Tt][Tt][Pp][Ss]?://" ~= nil
end

-- Puts bytes in place of the addresses in a message; gives the same message if it has none.
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

--- Makes a request with the bytes of its media in place of their addresses; the caller's request does not change. Errors: `invalid` if
--- `fetch` refuses an address, `http` if a server does not give the file, and those of the transport; their code is `fetch`.
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
