--- What is reachable: the name, the connection, TLS, an answer, and in it the clock, the key and the models.
--
-- One request goes to the server's address, whatever it answers, and one asks for the models. What a failure of the first leaves unknown is
-- skipped.
--
-- @module opengatellm.cli.doctor.reachable
local finding = require "opengatellm.cli.doctor.finding"
local waits = require "opengatellm.base.waits"

local M = {}

local STEPS = { "name", "connection", "TLS", "answer", "clock", "access", "models" }
local SECONDS = 15 -- for a request, where the user sets none

-- The way to the server -----------------------------------------------------------------------------------------------

local TLS_REMEDIES = {
  certificate = "if your organisation has an authority of its own: export SSL_CERT_FILE=/path/to/authority.pem; "
    .. "else apt-get install ca-certificates (Debian, Ubuntu)",
  expired = "the server's certificate is over, or the clock of this machine is wrong: look at `date`",
  hostname = "the certificate is for another name: use the name that it was made for",
  ca_file = "let CURL_CA_BUNDLE or SSL_CERT_FILE name a file of certificates (PEM)",
}

local REMEDIES = {
  name = "look whether the address is written right, and whether /etc/resolv.conf names a name server",
  connection = "look whether the server runs, whether the port is right, and whether a firewall or a proxy stands between",
  TLS = "something between here and the server may change what is sent: try another network",
  answer = "look whether the address is that of an LLM server, and into its log",
}

-- The step at which a request without an answer failed.
local function failed_step(err)
  if err.kind == "tls" then return "TLS" end
  if err.code == "resolve" then return "name" end
  local is_on_the_way = err.kind == "network" or err.kind == "timeout" and err.phase == "connect"
  return is_on_the_way and not err.sent and "connection" or "answer"
end

local PASSED = { name = "found", connection = "made", TLS = "the certificate is valid" }

-- The steps up to the one that failed, or to the answer.
local function add_way(list, has_tls, step, last)
  for _, name in ipairs(STEPS) do
    if name == step then break end
    if name ~= "TLS" or has_tls then list[#list + 1] = finding.ok(name, PASSED[name]) end
  end
  list[#list + 1] = last
end

local function failed_way(err)
  local step = failed_step(err)
  return step, finding.failed(step, err.message, step == "TLS" and TLS_REMEDIES[err.code] or REMEDIES[step])
end

-- The clock -------------------------------------------------------------------------------------------------------

local FAR = 60 -- seconds from which on signatures and certificates are taken for too old or too new

--- What there is to say of this machine's clock.
---@param date any the header of an answer
---@param now number seconds since 1970, by this machine
---@return ogl.doctor.Finding
function M.clock_finding(date, now)
  local there = type(date) == "string" and waits.date(date)
  if not there then return finding.skipped("clock", "the server does not say what time it is") end
  local apart = now - there
  if math.abs(apart) <= FAR then return finding.ok("clock", "as the server's") end
  local says = ("%.0f s %s the server's"):format(math.abs(apart), apart > 0 and "ahead of" or "behind")
  return finding.failed("clock", says, "set the clock of the machine that is wrong: timedatectl set-ntp true")
end

-- Key and models --------------------------------------------------------------------------------------------------

local function has_model(models, wanted)
  for _, model in ipairs(models) do
    if model.id == wanted then return true end
    for _, alias in ipairs(type(model.aliases) == "table" and model.aliases or {}) do
      if alias == wanted then return true end
    end
  end
  return false
end

local function models_finding(models)
  local wanted = os.getenv "OGL_MODEL"
  if #models == 0 then return finding.warning("models", "none for this key", "ask who runs the server for the rights to a model") end
  local count = #models == 1 and "1 model" or #models .. " models"
  if wanted and wanted ~= "" and not has_model(models, wanted) then
    return finding.failed("models", ("%s, and OGL_MODEL, %s, is none of them"):format(count, wanted), "ogl models lists them")
  end
  return finding.ok("models", count)
end

local function add_models(list, client)
  local models, err = client:models()
  if models then
    list[#list + 1] = finding.ok("access", client.has_key() and "the key is taken" or "no key is asked for")
    list[#list + 1] = models_finding(models)
  elseif err.kind == "auth" then
    local remedy = client.has_key() and "make a new key, or ask who runs the server whether this one may list models" or "set the key"
    list[#list + 1] = finding.failed("access", err.message, remedy)
  elseif err.kind == "unsupported" then
    list[#list + 1] = finding.skipped("models", "this server has no list of them")
  else
    list[#list + 1] = finding.failed("models", err.message, REMEDIES.answer)
  end
end

-- All of it -------------------------------------------------------------------------------------------------------

local function add_skipped(list)
  local seen = {}
  for _, each in ipairs(list) do seen[each.name] = true end
  for _, name in ipairs(STEPS) do
    if not seen[name] and name ~= "TLS" then list[#list + 1] = finding.skipped(name, "not known before the rest is right") end
  end
end

--- Asks the server.
---@param client ogl.Client
---@param seconds? number that a request may take
---@return ogl.doctor.Finding[]
function M.findings(client, seconds)
  client = client:with { retries = { max = 0 }, timeouts = { total = seconds or SECONDS } }
  local list, has_tls = {}, client.api:find "^https:" ~= nil
  local value, err, head = client:request("GET", "/", nil, { head = true })
  local status, headers = value and head.status or err and err.status, value and head.headers or err and err.headers
  if status then
    add_way(list, has_tls, "answer", finding.ok("answer", ("HTTP %d at /"):format(status)))
    list[#list + 1] = M.clock_finding(headers and headers.date, os.time())
    add_models(list, client)
  else
    add_way(list, has_tls, failed_way(err))
  end
  client:close()
  add_skipped(list)
  return list
end

return M
