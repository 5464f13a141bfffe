--- The configuration that `ogl serve` gives to nginx. No key stands in it: keys are variables, which it lets through by their names.
--
-- @module opengatellm.cli.nginx_config
local M = {}

---@class ogl.NginxConfig
---@field modules string[] paths of modules to load
---@field share string folder of our Lua files
---@field library string folder of our C modules for LuaJIT
---@field gateway string path of the gateway's configuration
---@field listen string address, in nginx's words
---@field variables string[] names that Lua may read
---@field resolvers string[] addresses of name servers
---@field authorities? string path of the certificates that upstream servers are checked by
---@field workers string number, or "auto"
---@field user? string whose rights the workers have
---@field access_log? string path
---@field body? integer bytes of a request's body, once the gateway's configuration is known
---@field is_check? boolean nginx ends once the gateway's configuration is read, and tells of it

local TEMPLATE = [[
daemon off;
pid nginx.pid;
error_log stderr warn;
worker_processes @WORKERS@;
@USER@@MODULES@@VARIABLES@
events { worker_connections 4096; }

http {
  log_format gateway '$remote_addr "$request" $status $body_bytes_sent $request_time '
    '$sent_http_x_request_id $sent_http_x_gateway_model $sent_http_x_gateway_attempts $sent_http_x_gateway_upstream_ms';
  access_log @ACCESS_LOG@;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;

  lua_package_path @PATH@;
  lua_package_cpath @CPATH@;
  lua_shared_dict gateway 10m;
  lua_socket_buffer_size 64k;
  lua_socket_log_errors off;
  lua_http10_buffering off;
  resolver @RESOLVERS@ ipv6=off;
@AUTHORITIES@
  init_by_lua_block {
    @INIT@
  }

  server {
    listen @LISTEN@;
    server_tokens off;
    client_max_body_size @BODY@;
    client_body_buffer_size @BODY@;
    large_client_header_buffers 4 16k;
    lua_check_client_abort on;
    gzip off;

    error_page 400 405 413 414 494 501 /.gateway/refused;

    location / { content_by_lua_block { gateway:serve() } }
    location ^~ /api/blobs/ { client_max_body_size 0; content_by_lua_block { gateway:serve() } }
    location = /.gateway/refused { internal; content_by_lua_block { gateway:refused() } }
  }
}
]]

local LOAD = 'gateway = require("opengatellm.gateway.nginx").load(%q)'

--- What a check writes before the problem that Lua has told, and before the gateway's limit of bodies; nginx itself may have said
--- something before.
M.MARK, M.BODY = "ogl serve: ", "ogl serve takes bytes: "

-- A check is over before nginx opens a socket.
local CHECK = [[
local fine, problem = pcall(function() %s end)
    if fine then io.stderr:write(%q, gateway.gateway.body_limit, "\n") else io.stderr:write(%q, tostring(problem), "\n") end
    io.stderr:flush()
    os.exit(fine and 0 or 1)]]

local function quoted(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

local function lines(format, list)
  local text = {}
  for i, value in ipairs(list) do text[i] = format:format(value) .. "\n" end
  return table.concat(text)
end

local function authorities_of(path)
  if not path then return "" end
  return ("  lua_ssl_trusted_certificate %s;\n  lua_ssl_verify_depth 5;\n"):format(quoted(path))
end

local function quoted_all(list)
  local all = {}
  for i, text in ipairs(list) do all[i] = quoted(text) end
  return all
end

--- Makes the text of nginx.conf.
---@param values ogl.NginxConfig
---@return string
function M.text(values)
  local init = LOAD:format(values.gateway)
  local parts = {
    WORKERS = values.workers, USER = values.user and ("user %s;\n"):format(quoted(values.user)) or "",
    MODULES = lines("load_module %s;", quoted_all(values.modules)), VARIABLES = lines("env %s;", values.variables),
    ACCESS_LOG = values.access_log and quoted(values.access_log) .. " gateway" or "off",
    PATH = quoted(("%s/?.lua;%s/?/init.lua;;"):format(values.share, values.share)), CPATH = quoted(values.library .. "/?.so;;"),
    RESOLVERS = table.concat(values.resolvers, " "), AUTHORITIES = authorities_of(values.authorities),
    INIT = values.is_check and CHECK:format(init, M.BODY, M.MARK) or init, BODY = ("%d"):format(values.body or 1),
    LISTEN = quoted(values.listen),
  }
  return (TEMPLATE:gsub("@([%u_]+)@", parts))
end

return M
