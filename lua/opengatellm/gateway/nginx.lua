--- The gateway inside nginx: takes a request of content_by_lua, and sends the answer as it comes.
--
--   init_by_lua_block { gateway = require("opengatellm.gateway.nginx").load "gateway.lua" }
--   location / { content_by_lua_block { gateway:serve() } }
--   error_page 400 405 413 414 494 501 /.gateway/refused;
--   location = /.gateway/refused { internal; content_by_lua_block { gateway:refused() } }
--
-- Each piece is sent before the next is read, so that a slow caller slows the upstream server and a stream's memory stays bounded. With
-- `lua_check_client_abort on` a caller that goes ends the upstream request at once. Of an upstream server's headers only the type reaches
-- nginx, so none of them can open a location of it.
--
-- @module opengatellm.gateway.nginx
local config = require "opengatellm.gateway.config"
local files = require "opengatellm.base.file"
local problems = require "opengatellm.gateway.problem"
local task = require "opengatellm.task"

local M = {}

---@class ogl.NginxGateway
---@field gateway ogl.Gateway
---@field prefix string
local Served = {}
Served.__index = Served

local ngx = rawget(_G, "ngx")

local MOST_HEADERS = 100
local SLASH = ("/"):byte()
-- Bytes after which other requests get their turn, for a loop that never waits never yields, and the seconds that it then waits: zero of
-- them needs a patch of nginx that Debian's has not, and is a line in its log each time.
local TURN, REST = 4 * 1024 * 1024, 0.001

-- Reading -----------------------------------------------------------------------------------------------------------------

-- The headers by lower-case name, repeats of one joined; nil where there are too many.
local function headers_of()
  local headers, err = ngx.req.get_headers(MOST_HEADERS)
  if err then return nil end
  for name, value in pairs(headers) do
    if type(value) ~= "string" then headers[name] = type(value) == "table" and table.concat(value, ", ") or "" end
  end
  return setmetatable(headers, nil) -- nginx's own finds other names too, by a function
end

-- The body as bytes, or as the file that nginx puts it into where it is longer than client_body_buffer_size.
local function read_source()
  ngx.req.read_body()
  local data = ngx.req.get_body_data()
  if data then return { data = data } end
  local path = ngx.req.get_body_file()
  return path and { path = path } or nil
end

local function read_body()
  local source = read_source()
  return source and (source.data or files.read(source.path)) or nil
end

-- Fields that few requests are asked for: each is a variable of nginx.
local VARIABLES = { query = "args", server = "server_addr", hostname = "hostname" }
local request_mt = { __index = function(_, name)
  local variable = VARIABLES[name]
  return variable and ngx.var[variable] or nil
end }

local function path_of(self)
  local path = ngx.var.request_uri or "/"
  local rest = path:find "[?#]"
  if rest then path = path:sub(1, rest - 1) end
  if self.prefix ~= "" and path:sub(1, #self.prefix) == self.prefix then path = path:sub(#self.prefix + 1) end
  if path:byte() ~= SLASH then path = path:match "^%a[%w+.-]*://[^/]*(.*)$" or path end
  return path == "" and "/" or path
end

local function request_of(self, headers)
  return setmetatable({ method = ngx.req.get_method(), path = path_of(self), headers = headers, body = nil }, request_mt)
end

-- Sending -----------------------------------------------------------------------------------------------------------------

local function send_head(status, headers)
  ngx.status = status
  for name, value in pairs(headers) do ngx.header[name] = value end
end

local function log(...) ngx.log(ngx.ERR, "gateway: ", ...) end

-- Sends a piece; false where the caller has gone. nginx cannot flush for a caller of HTTP/1.0, which says nothing of it.
local function send_piece(bytes, old)
  if not ngx.print(bytes) then return false end
  return ngx.flush(true) ~= nil or old
end

local function send_stream(body, close)
  local old, sent = ngx.req.http_version() < 1.1, 0
  while true do
    local fine, bytes = pcall(body)
    if not fine then
      log(bytes)
      close()
      return ngx.exit(ngx.ERROR) -- cuts the answer, for its end has not come
    end
    if not bytes then return end
    if not send_piece(bytes, old) then return close() end
    sent = sent + #bytes
    if sent > TURN then
      sent = 0
      ngx.sleep(REST)
    end
  end
end

local function send(status, headers, body, close)
  send_head(status, headers)
  if type(body) == "function" then return send_stream(body, close) end
  ngx.header["content-length"] = #body
  ngx.print(body)
end

-- Has the upstream request ended when the caller goes. nginx kills what waits for the upstream server, and closes its socket.
local function watch(state)
  local killed = task.outlive()
  ngx.on_abort(function()
    pcall(killed, problems.gone())
    if state.close then pcall(state.close) end
    ngx.exit(499)
  end)
end

local function answer(self, asked)
  local length, is_file = tonumber(asked.headers["content-length"]), self.gateway:takes_file(asked.path)
  if length and length > self.gateway.body_limit and not is_file then
    return self.gateway:refuse(asked, 413, problems.too_long(self.gateway.body_limit))
  end
  if is_file then asked.source = read_source else asked.body = read_body() end
  local fine, status, headers, body, close = pcall(self.gateway.handle, self.gateway, asked)
  if fine then return status, headers, body, close end
  log(status)
  return self.gateway:refuse(asked, 500, "the gateway failed; its log says why")
end

--- Answers the request of this phase, which is content_by_lua.
function Served:serve()
  local headers, state = headers_of(), {}
  local asked = request_of(self, headers or {})
  if not headers then return send(self.gateway:refuse(asked, 431, ("more than %d headers"):format(MOST_HEADERS))) end
  watch(state)
  local status, answered, body, close = answer(self, asked)
  state.close = close
  return send(status, answered, body, close)
end

local REFUSED = {
  [400] = "the head of the request is malformed, or too long", [405] = "method not allowed", [414] = "the address is too long",
  [501] = "transfer-encoding: expected chunked",
}

--- Answers a request that nginx itself refuses, in the words of its face: in the location that `error_page` names.
function Served:refused()
  local status = ngx.status
  local message = status == 413 and problems.too_long(self.gateway.body_limit) or REFUSED[status] or "the request was refused"
  return send(self.gateway:refuse(request_of(self, headers_of() or {}), status, message))
end

-- Making ------------------------------------------------------------------------------------------------------------------

local function report(err, visit) ngx.log(ngx.WARN, "gateway: request ", visit.id, ": ", tostring(err)) end

--- Serves a gateway. Without an `on_error` of its own it writes errors into nginx's log.
---@param gateway ogl.Gateway
---@param options? {prefix?: string} of the paths of a location: "/llm"
---@return ogl.NginxGateway
function M.new(gateway, options)
  gateway.on_error = gateway.on_error or report
  return setmetatable({ gateway = gateway, prefix = options and options.prefix or "" }, Served)
end

--- Serves the gateway of a file; a path that does not begin with / lies under nginx's prefix. Raises what is wrong with it, so that nginx
--- does not start.
---@param path string
---@param options? {prefix?: string}
---@return ogl.NginxGateway
function M.load(path, options)
  if path:sub(1, 1) ~= "/" then path = ngx.config.prefix() .. path end
  local gateway, problem = config.load(path)
  if not gateway then error(problem, 0) end
  return M.new(gateway, options)
end

return M
