--- URLs: how a base address is read, how paths and queries are escaped, how references are resolved.
--
-- Check a name with `problem` before it goes into a path: `..` would lead to another route, and escaping does not help, since servers
-- decode a path before they look at it.
--
-- @module opengatellm.base.url
local errors = require "opengatellm.errors"

local M = {}

local function escape(c) return string.format("%%%02X", c:byte()) end

--- Escapes a text for one segment of a path.
---@param text string
---@return string
function M.segment(text) return (text:gsub("[^%w%-%._~]", escape)) end

--- Escapes a name whose slashes have a meaning: OGL takes `openai/gpt-oss-120b` as it is.
---@param text string
---@return string
function M.path(text) return (text:gsub("[^%w%-%._~/:@]", escape)) end

local function byte_of(hex) return string.char(tonumber(hex, 16)) end

--- Replaces the %XX escapes of a text by their bytes.
---@param text string
---@return string
function M.unescape(text) return (text:gsub("%%(%x%x)", byte_of)) end

local DECODINGS = 8 -- more than any chain of proxies has, each of which may decode once

-- The text as the last of several servers may read it.
local function decoded(text)
  for _ = 1, DECODINGS do
    local plain = M.unescape(text)
    if plain == text then return text end
    text = plain
  end
  return text
end

--- Says why a text must not stand in a path: a segment `.` or `..` names a route above. It reads the text as a lenient server would:
--- slashes and dots may be escaped, backslashes are slashes, and what follows `;` is a parameter of its segment.
---@param text string
---@return string? problem nil where the text is safe
function M.problem(text)
  local plain = decoded(text):gsub("\\", "/")
  for segment in (plain .. "/"):gmatch "([^/]*)/" do
    local name = segment:match("^[^;]*"):gsub("%c", "")
    if name == "." or name == ".." then return ("'%s' between slashes leads to another route"):format(name) end
  end
end

--- Makes the error of an argument that would lead out of its path.
---@param where string the call, or whatever the argument belongs to
---@param name string the argument's name
---@param text string its value
---@return ogl.Error? err `invalid`; nil where the text is safe
function M.refusal(where, name, text)
  local problem = M.problem(text)
  if not problem then return nil end
  return errors.new {
    kind = "invalid", code = "invalid", message = ("%s: %s: %s"):format(where, name, problem), sent = false,
    fields = { { path = name, message = problem } },
  }
end

--- Writes a query string, its keys in order; a list repeats its key.
---@param query table<string, string|number|boolean|table>
---@return string # with the leading `?`; "" for an empty table
function M.query(query)
  local keys, parts = {}, {}
  for key in pairs(query) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local values = type(query[key]) == "table" and query[key] or { query[key] }
    for _, value in ipairs(values) do parts[#parts + 1] = M.segment(key) .. "=" .. M.segment(tostring(value)) end
  end
  return parts[1] and "?" .. table.concat(parts, "&") or ""
end

local LOCAL = { [""] = true, ["0.0.0.0"] = true, ["[::]"] = true } -- addresses of servers that listen everywhere

--- Completes the address of a local server: `M.complete("gpu1", 11434)` is `http://gpu1:11434`. An address with a scheme gets no port.
---@param text string a host, a host and a port, or a whole address; blanks and quotes around it are dropped
---@param port integer for an address that names none
---@return string
function M.complete(text, port)
  text = text:gsub("^[%s\"']+", ""):gsub("[%s\"']+$", "")
  local scheme, rest = text:match "^(%a[%w+.-]*://)(.*)$"
  local host, path = (rest or text):match "^([^/?#]*)(.*)$"
  if host:find ":.*:" and not host:find "^%[" then host = "[" .. host .. "]" end -- a bare IPv6 address needs its brackets
  local name, given = host:match "^(.-):(%d+)$"
  if not name or name:find "^%[[^%]]*$" then name, given = host, nil end
  if LOCAL[name] then name = "localhost" end
  given = given or not scheme and ("%d"):format(port) or nil
  return (scheme or "http://") .. name .. (given and ":" .. given or "") .. path
end

--- Splits a base address into `root`, without a version segment, and `api`, with it: `M.base("https://h/x/", "v1")` gives
--- `https://h/x` and `https://h/x/v1`. A version that the address already has stays.
---@param text string
---@param version? string the segment to append; nil appends none
---@return string? root nil where the text is not a usable base address
---@return string api or the problem, as part of a sentence
function M.base(text, version)
  if text:find "[%c%s]" then return nil, "it holds a blank or a control character" end
  local scheme, rest = text:match "^(%a[%w+.-]*)://(.+)$"
  if not scheme then return nil, "it has to begin with http:// or https://" end
  scheme = scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then return nil, "its scheme is neither http nor https" end
  if rest:find "[?#]" then return nil, "it has a query or a fragment" end
  if rest:match "^[^/]*@" then return nil, "it has a user name in it: give the key as api_key" end
  local api = scheme .. "://" .. rest:gsub("/+$", "")
  local root = api:match "^(.*)/v%d+%a*%d*$"
  if root then return root, api end
  if api:find "/v%d+%a*%d*/" or not version then return api, api end
  return api, api .. "/" .. version
end

-- References ------------------------------------------------------------------------------------------------------

-- Splits a URI or a relative reference into its components (RFC 3986, appendix B); an absent one is nil.
local function split(text)
  local parts = {}
  local rest, fragment = text:match "^([^#]*)#(.*)$"
  parts.fragment, rest = fragment, rest or text
  local hierarchy, query = rest:match "^([^?]*)%?(.*)$"
  parts.query, rest = query, hierarchy or rest
  local scheme, behind = rest:match "^(%a[%w+.-]*):(.*)$"
  parts.scheme, rest = scheme, behind or rest
  local authority, path = rest:match "^//([^/]*)(.*)$"
  parts.authority, parts.path = authority, path or rest
  return parts
end

-- Removes the segments `.` and `..` from a path (RFC 3986, 5.2.4).
local function without_dots(path)
  local out, at = {}, 1
  while at <= #path do
    local slash, segment, behind = path:match("^(/?)([^/]*)()", at)
    local is_dot, is_up = segment == ".", segment == ".."
    if is_up and slash == "/" then out[#out] = nil end
    if not is_dot and not is_up then
      out[#out + 1] = slash .. segment
    elseif slash == "" then
      behind = behind + 1 -- this segment stands in front of a relative path: the slash behind it goes, too
    elseif behind > #path then
      out[#out + 1] = "/"
    end
    at = behind
  end
  return table.concat(out)
end

-- Puts a relative path in the place of the base's last segment (RFC 3986, 5.2.3).
local function merge(base, path)
  if base.authority and base.path == "" then return "/" .. path end
  return (base.path:match "^.*/" or "") .. path
end

-- The scheme, authority, path and query of a reference seen from a base (RFC 3986, 5.2.2).
local function target_of(base, reference)
  if reference.scheme or reference.authority then
    return reference.scheme or base.scheme, reference.authority, without_dots(reference.path), reference.query
  end
  if reference.path == "" then return base.scheme, base.authority, base.path, reference.query or base.query end
  local path = reference.path:find "^/" and reference.path or merge(base, reference.path)
  return base.scheme, base.authority, without_dots(path), reference.query
end

--- Resolves a reference against an address (RFC 3986, 5.2): `M.resolve("http://a/b/c?q", "../g")` is `http://a/g`.
---@param address string
---@param reference string a relative reference, or a whole address
---@return string? # nil where neither has a scheme
function M.resolve(address, reference)
  local parts = split(reference)
  local scheme, authority, path, query = target_of(split(address), parts)
  if not scheme then return nil end
  return scheme .. ":" .. (authority and "//" .. authority or "") .. path .. (query and "?" .. query or "")
    .. (parts.fragment and "#" .. parts.fragment or "")
end

return M
