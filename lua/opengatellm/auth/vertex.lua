--- Vertex AI: access tokens of a Google service account, and addresses with a project, a location and a publisher in them.
--
-- The token comes from `api_key`, which is then an access token or a function that gives one; or from a service account's key file
-- ($GOOGLE_APPLICATION_CREDENTIALS): a JWT that its private key signs (RS256) is exchanged for a token at the file's token_uri
-- (RFC 7523), which is kept until two minutes before it expires. The file is read anew for each token.
--
-- Signing needs luaossl, which is loaded only for it; a program that gives `api_key` does not need luaossl.
--
-- Sources: RFC 7523, and docs.rs/systemprompt-api …/credentials/google.rs (claims, scope, the hour); Google's page on locations,
-- cloud.google.com/vertex-ai/generative-ai/docs/learn/locations (global without a prefix); docs.anthropic.com/en/api/claude-on-vertex-ai
-- and anthropic-sdk-python, -ruby (rawPredict, count-tokens, the multi-regions us and eu).
--
-- @module opengatellm.auth.vertex
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local foreign_request = require "opengatellm.http.foreign_request"
local url = require "opengatellm.base.url"

local M = {}

--- Gives the time in seconds since 1970; a spec puts its own function here.
M.now = os.time

local SCOPE = "https://www.googleapis.com/auth/cloud-platform"
local GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
local LIFETIME = 3600 -- of an assertion, in seconds: the most that Google takes
local MARGIN = 120    -- a token is not used in its last two minutes: a request that carries it may wait in a queue
local BODY = 64 * 1024

-- Tokens by the connections that clients share, then by file. They are not in the client, where a printer of tables would find them, and
-- they go away with the connections.
local tokens = setmetatable({}, { __mode = "k" })

local function config(message) return errors.new { kind = "config", message = message, sent = false } end

-- Addresses -------------------------------------------------------------------------------------------------------------

local REGIONS_OF_MANY = { us = true, eu = true }

local function host_of(location)
  if location == "global" then return "aiplatform.googleapis.com" end
  if REGIONS_OF_MANY[location] then return "aiplatform." .. location .. ".rep.googleapis.com" end
  return location .. "-aiplatform.googleapis.com"
end

--- Makes the address up to the location; uses a given one unchanged.
---@param settings {project?: string, location: string, credentials?: string}
---@param given? string
---@return string? address
---@return string? problem
function M.address(settings, given)
  if given then return given end
  local project = settings.project
  if not project and settings.credentials then
    local account = M.account(settings.credentials)
    project = account and account.project_id
  end
  if not project then return nil, "no project: set GOOGLE_CLOUD_PROJECT, or settings.project" end
  local location = settings.location
  if not location:find "^[%w-]+$" then return nil, "settings.location: it is no name of a location" end
  local wrong = url.problem(project)
  if wrong then return nil, "settings.project: " .. wrong end
  return ("https://%s/v1/projects/%s/locations/%s"):format(host_of(location), url.segment(project), location)
end

--- Adds the publisher to the protocol's path: /models/M:generateContent is Google's own, /messages is Anthropic's.
---@param _ table client
---@param wire ogl.Wire
---@return string? path
---@return ogl.Error? err the model leads to another route
function M.path(_, wire)
  local path = wire.path
  if path:find "^/models/[^/]+:" then return "/publishers/google" .. path end
  if path == "/messages/count_tokens" then return "/publishers/anthropic/models/count-tokens:rawPredict" end
  if path == "/messages" and wire.model then
    local verb, err = wire.stream and "streamRawPredict" or "rawPredict", url.refusal("the address", "model", wire.model)
    if err then return nil, err end
    return "/publishers/anthropic/models/" .. url.path(wire.model) .. ":" .. verb
  end
  return path
end

-- The service account ---------------------------------------------------------------------------------------------------

--- Reads a key file. Its errors quote only the `type` that it names. Errors: `file` if it cannot be read, `config` if it is no key file.
---@param path string
---@return table? account client_email, private_key, token_uri and, as a rule, project_id and private_key_id
---@return ogl.Error? err
function M.account(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, errors.new { kind = "file", message = "the credentials cannot be read: " .. why, sent = false } end
  local text = file:read(BODY) or ""
  file:close()
  local account = json.decode(text)
  if type(account) ~= "table" or type(account.client_email) ~= "string" or type(account.private_key) ~= "string" then
    local kind = type(account) == "table" and type(account.type) == "string" and #account.type < 40 and account.type:gsub("[^%w_]", "?")
    return nil, config("the credentials are no key of a service account" .. (kind and " but '" .. kind .. "'" or "")
      .. ": give one, or an api_key that gives access tokens")
  end
  account.token_uri = account.token_uri or "https://oauth2.googleapis.com/token"
  if type(account.token_uri) ~= "string" or not account.token_uri:find "^https://[^%s%c]+$" then
    return nil, config "the credentials' token_uri is no https:// address"
  end
  return account
end

-- base64url without padding (RFC 7515 2).
local function base64url(bytes)
  return (core.base64_encode(bytes):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

-- Signs the text with RS256. The errors leave out luaossl's own messages, which may quote the private key.
local function sign(text, pem)
  local found, pkey = pcall(require, "openssl.pkey")
  local also, digest = pcall(require, "openssl.digest")
  if not (found and also) then
    return nil, config "signing for a service account needs luaossl (Debian: lua-luaossl, LuaRocks: luaossl); or give an api_key"
  end
  local wrong = config "the credentials' private_key is no private RSA key in PEM"
  if pem:find("ENCRYPTED", 1, true) then return nil, wrong end -- OpenSSL would ask the terminal for the password
  local fine, signature = pcall(function() return pkey.new(pem, "PEM"):sign(digest.new("sha256"):update(text)) end)
  if not fine or type(signature) ~= "string" then return nil, wrong end
  return signature
end

--- Makes the signed assertion of an account (RFC 7523).
---@param account table
---@return string? jwt
---@return ogl.Error? err
function M.assertion(account)
  local now = M.now()
  local header = json.encode { alg = "RS256", typ = "JWT", kid = account.private_key_id }
  local claims = json.encode {
    iss = account.client_email, scope = SCOPE, aud = account.token_uri, iat = now, exp = now + LIFETIME,
  }
  local text = base64url(header) .. "." .. base64url(claims)
  local signature, err = sign(text, account.private_key)
  if not signature then return nil, err end
  return text .. "." .. base64url(signature)
end

-- Tokens ----------------------------------------------------------------------------------------------------------------

-- Gives the text of the answer, or the error of the token endpoint. Its `sent` is false, because the call's own request has not left.
local function ask(client, uri, assertion)
  local status, headers, body = foreign_request.ask(client, {
    method = "POST", url = uri, max_body = BODY,
    headers = { { "content-type", "application/x-www-form-urlencoded" }, { "accept", "application/json" } },
    body = url.query({ grant_type = GRANT, assertion = assertion }):sub(2),
  })
  if not status then return nil, headers end
  if status >= 200 and status < 300 then return body end
  local err = errors.from_status(status, headers, body)
  if status == 400 then err.kind = "auth" end -- invalid_grant: the account, its key, or the clock
  return nil, err
end

-- Gives a new token and the time when it expires.
local function fetch(client, path)
  local account, err = M.account(path)
  if not account then return nil, err end
  local assertion
  assertion, err = M.assertion(account)
  if not assertion then return nil, err end
  local now = M.now()
  local body
  body, err = ask(client, account.token_uri, assertion)
  if not body then
    err.message, err.sent = "the token endpoint: " .. err.message, false
    return nil, errors.redact(err, assertion)
  end
  local answer = json.decode(body)
  local token = type(answer) == "table" and answer.access_token
  if type(token) ~= "string" or token == "" or token:find "[%c ]" then
    return nil, errors.new { kind = "protocol", message = "the token endpoint's answer has no access_token", sent = false }
  end
  local seconds = type(answer.expires_in) == "number" and answer.expires_in or LIFETIME
  return { token = token, till = now + math.max(seconds - MARGIN, seconds / 2) }
end

--- Gives the access token: the user's own, the one that was kept, or a new one.
---@param client table
---@param key? string the client's `api_key`
---@return string? secret
---@return string|ogl.Error scheme or the error
function M.credential(client, key)
  if key then return key, "bearer" end
  local path = client.settings.credentials
  if not path then
    return nil, config "no credentials: set GOOGLE_APPLICATION_CREDENTIALS, or an api_key that gives access tokens"
  end
  local kept = tokens[client.shared] or {}
  tokens[client.shared] = kept
  if not kept[path] or M.now() >= kept[path].till then
    local fresh, err = fetch(client, path)
    if not fresh then return nil, err end
    kept[path] = fresh
  end
  return kept[path].token, "bearer"
end

return M
