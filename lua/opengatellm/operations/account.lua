--- The operations on one's own account: the user, the keys, the usage, the login.
--
-- The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.account
local usage = require "opengatellm.operations.usage"

local ID = "integer, required: Its ID."
local ENDPOINTS = "one of /v1/audio/transcriptions|/v1/chat/completions|/v1/embeddings|/v1/ocr|/v1/rerank|/v1/search"

return {
  { "me", "GET /me", "Who the key belongs to: permissions, limits, budget.", result = "user" },
  {
    "update_me", "PATCH /me", "Changes one's own name, address or password; what is not named stays.", result = "user", complete = "me",
    body = {
      name = "string 1..: The new name.", email = "string 1..254: The new address.", current_password = "secret ..72: The password so far.",
      password = "secret 6..72: The new password.",
    },
    rule = function(options)
      if options.password and not options.current_password then return "current_password", "it is needed to change the password" end
      if options.current_password and not options.password then return "password", "the new password is missing" end
    end,
  },
  {
    "keys.create", "POST /keys", "Makes a key; its secret, `value`, is shown this once.", result = "key",
    body = { name = "string 1.., required: The name.", expires = "time: When it ends; none: never." },
  },
  {
    "keys.list", "GET /keys", "One's own keys; their secrets are masked.", result = "list of key",
    query = {
      offset = "integer 0..: Items to skip.", limit = "integer 1..100: Items of a page; the server's default is 10.",
      sort_by = "one of id|name|created: What they are sorted by.", sort_order = "one of asc|desc: Direction of the order.",
      status = "one of active|expired|revoked: Only those in this state.",
    },
  },
  { "keys.get", "GET /keys/{id}", "One key; its secret is masked.", result = "key", parameters = { id = ID } },
  {
    "keys.update", "PATCH /keys/{id}", "Renames a key.", result = "key", parameters = { id = ID },
    body = { name = "string 1.., required: The new name." },
  },
  { "keys.delete", "DELETE /keys/{id}", "Ends a key: revoked from 0.9 on, deleted before.", result = "key", parameters = { id = ID } },
  {
    "usage", "GET /usage", "What was used: by day (UTC) from 0.8 on, by request before. Without dates: the last 30 days.",
    result = "list of usage", prepare = usage.prepare,
    query = {
      start_time = "time: From when on.", end_time = "time: Until when.", offset = "integer 0..: Items to skip.",
      limit = "integer 1..100: Items of a page; the server's default is 10.", endpoint = ENDPOINTS .. ": Only calls of this route.",
      models = "list of string: Only these models.", key_id = "integer: Only calls with this key.",
    },
  },
  { "organization", "GET /organizations/me", "One's own organization.", result = "organization" },
  {
    "login", "POST /auth/login", "Logs in with a password; gives a key that does not live long, its secret in `value`.", result = "key",
    anonymous = true,
    body = { email = "string 1..254, required: The address.", password = "secret 1..72, required: The password." },
  },
  {
    "sso_login", "POST /auth/sso/login", "Logs in with what an SSO provider gave; its form is the server's own.", result = "key",
    anonymous = true, body = { email = "string: The address.", name = "string: The name.", token = "secret: What the SSO provider gave." },
  },
}
