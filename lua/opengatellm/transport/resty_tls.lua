--- TLS inside nginx: checks the options of a request, does the handshake, and makes its errors.
--
-- nginx takes its authorities from its own configuration, compares names and no IP addresses, and follows a chain of one
-- certificate unless told otherwise; the errors say which directive that is.
--
-- @module opengatellm.transport.resty_tls
local failure = require "opengatellm.base.failure"
local files = require "opengatellm.base.file"

local M = {}

local certificates = {} -- "cert_file\nkey_file" -> {cert, key}, parsed; they live as long as the worker

local function unsupported(code, message) return failure.final("unsupported", code, message) end

-- The client's certificate and key; nil and the error.
local function identity_of(cert_file, key_file)
  local name = cert_file .. "\n" .. key_file
  if certificates[name] then return certificates[name] end
  local ssl = require "ngx.ssl"
  local cert_text, key_text, cert, key, why
  cert_text, why = files.read(cert_file)
  if cert_text then key_text, why = files.read(key_file) end
  if not key_text then
    return nil, failure.final("file", "client_certificate", (cert_text and key_file or cert_file) .. ": " .. tostring(why))
  end
  cert, why = ssl.parse_pem_cert(cert_text)
  if cert then key, why = ssl.parse_pem_priv_key(key_text) end
  if not key then return nil, failure.final("tls", "client_certificate", "the client certificate cannot be read: " .. tostring(why)) end
  certificates[name] = { cert = cert, key = key }
  return certificates[name]
end

--- Sets the fields of a route that its handshake needs: `verify`, `certificate`, and `identity`, which tells certificates apart. Gives
--- an error for an option that nginx does not support.
---@param route opengatellm.transport.Route
---@param wanted table `tls` of the request
---@return ogl.Error? err
function M.prepare(route, wanted)
  if wanted.ca_file then
    return unsupported("ca_file", "nginx takes authorities from nginx.conf alone: lua_ssl_trusted_certificate " .. wanted.ca_file .. ";")
  end
  if wanted.key_password then
    return unsupported("key_password", "nginx reads no encrypted keys from Lua: decrypt the key of the client certificate")
  end
  route.verify = wanted.verify ~= false
  if not wanted.cert_file then return nil end
  if not require "resty.core.socket".version or not ngx.socket.tcp().setclientcert then
    return unsupported("client_certificate", "client certificates need lua-nginx-module 0.10.22 and lua-resty-core 0.1.24 or later")
  end
  local key_file = wanted.key_file or wanted.cert_file
  local err
  route.certificate, err = identity_of(wanted.cert_file, key_file)
  route.identity = wanted.cert_file .. " " .. key_file
  return err
end

-- nginx's words, as our codes; the first that fits.
local TRUST = "; nginx.conf names the authorities: `lua_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;`"
local DEPTH = "; nginx.conf says how long a chain may be: `lua_ssl_verify_depth 5;` (its default is 1)"
local ROWS = {
  { "certificate has expired", "expired" },
  { "host mismatch", "hostname" },
  { "unable to get", "certificate", TRUST },
  { "self.signed", "certificate", TRUST },
  { "chain too long", "certificate", DEPTH },
  { "^%d+: ", "certificate" },
}

local function is_address(host) return host:find "^%[" or host:find "^%d+%.%d+%.%d+%.%d+$" end

local function problem(why, route)
  for _, row in ipairs(ROWS) do
    if why:find(row[1]) then
      local message = why .. (row[3] or "")
      if row[2] == "hostname" and is_address(route.host) then message = why .. ": nginx compares names, not addresses" end
      return failure.final("tls", row[2], "the certificate of " .. route.host .. " was refused: " .. message)
    end
  end
  if why == "closed" or why:find("reset", 1, true) then
    return failure.network("reset", "the connection broke in the TLS handshake: " .. why, false)
  end
  return failure.final("tls", "handshake", "the TLS handshake with " .. route.host .. " failed: " .. why)
end

-- Some versions of lua-resty-core (0.1.25 of Debian 12 is one) report success for a handshake that failed without having had to wait:
-- nginx has closed the connection then, and kept its reason, which only this function of C gives.
local function kept_reason(socket)
  local found, why = pcall(function()
    local ffi, base = require "ffi", require "resty.core.base"
    local session, message, code = ffi.new "void *[1]", base.get_errmsg_ptr(), ffi.new "int[1]"
    local result = ffi.C.ngx_http_lua_ffi_socket_tcp_get_sslhandshake_result(base.get_request(), socket[1], session, message, code)
    return result == base.FFI_ERROR and (code[0] ~= 0 and code[0] .. ": " or "") .. ffi.string(message[0]) or nil
  end)
  return found and why or "nginx refused the certificate, and gave no reason"
end

-- Does sslhandshake, and reports success only if the handshake succeeded.
local function handshake(socket, route)
  local session, why = socket:sslhandshake(false, route.host, route.verify)
  if not session then return false, why or "no reason given" end
  if socket:getreusedtimes() then return true end
  return false, kept_reason(socket)
end

--- Does the handshake, with the server's name for SNI and verification. It returns nothing on success.
---@param socket table a cosocket
---@param route opengatellm.transport.Route
---@return ogl.Error? err
---@return boolean? late true if the time was over
function M.shake(socket, route)
  local why
  if route.certificate then
    local set
    set, why = socket:setclientcert(route.certificate.cert, route.certificate.key)
    if not set then return failure.final("tls", "client_certificate", tostring(why)) end
  end
  local done
  done, why = handshake(socket, route)
  if done then return nil end
  if why == "timeout" then return nil, true end
  return problem(why, route)
end

return M
