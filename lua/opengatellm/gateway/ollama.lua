--- The face of Ollama: its chats, completions, embeddings and lists, as its programs expect them.
--
-- A model is found with `:latest` behind its name or without. Requests that change a server's models go on to an Ollama server whose route
-- says `manage`; elsewhere there is nothing to change.
--
-- @module opengatellm.gateway.ollama
local browsers = require "opengatellm.gateway.browser"
local chats = require "opengatellm.gateway.chat"
local completions = require "opengatellm.gateway.completion"
local core = require "opengatellm.core"
local descriptions = require "opengatellm.gateway.ollama_models"
local embeddings = require "opengatellm.protocol.ollama_embed"
local json = require "opengatellm.json"
local lists = require "opengatellm.gateway.models"
local mistake = require "opengatellm.middleware.mistake"
local operations = require "opengatellm.gateway.operation"
local problems = require "opengatellm.gateway.problem"
local relay = require "opengatellm.gateway.relay"

local M = { name = "ollama" }

-- The head of a request, errors ---------------------------------------------------------------------------------------------

--- Says whether a path is this face's: all that no other face claims.
---@return boolean
function M.claims() return true end

--- The body of an error.
---@param status integer
---@param message string
---@return string content_type
---@return string body
function M.error(status, message)
  if status == 404 and message == "404 page not found" then return "text/plain", message end
  return "application/json", json.encode { error = message }
end

--- The words for a model that no route has.
---@param name string
---@return string
function M.unknown_model(name) return ("model '%s' not found"):format(name) end

--- The words for a path that the face does not have.
---@return string
function M.unknown_path() return "404 page not found" end

--- The words of a server that has too many requests.
M.busy = "server busy, please try again.  maximum pending requests exceeded"

--- A name without Ollama's tag `:latest`; nil where it has none.
---@param name string
---@return string?
function M.short_name(name) return name:match "^(.+):latest$" end

--- What is wrong with the head of a request; nil where nothing is.
---@param visit ogl.GatewayVisit
---@return ogl.Error?
function M.guard(visit)
  local gateway, request = visit.gateway, visit.request
  if not browsers.host_fits(gateway, request) then return problems.new(403, "this host is not allowed", "host") end
  if not browsers.origin_fits(gateway, request) then return problems.new(403, "this origin is not allowed", "origin") end
end

--- The headers that let a page read the answer.
---@param visit ogl.GatewayVisit
---@return table<string, string>?
function M.cors(visit) return browsers.headers(visit.gateway, visit.request) end

--- The answer to a browser that asks before it calls.
---@param visit ogl.GatewayVisit
function M.preflight(visit) return browsers.preflight(visit.request) end

-- Chats -------------------------------------------------------------------------------------------------------------------

-- A server that is not Ollama's own hosts the model for it.
local function remote(target)
  if target.client.provider.protocol == "ollama" then return nil end
  return target.model or target.route.model, descriptions.remote_host(target.client)
end

local CHAT = { protocol = "ollama", timed = true, renames = true, remote = remote }

local function entry_of(visit, name) return lists.known(visit.gateway, name, M.short_name(name)) end

-- A request without words loads a model, or unloads it with keep_alive = 0: a hosted one that its server lists is always there.
local function loaded(visit, wants, target)
  if lists.denied(visit.gateway, target) then return nil, problems.new(404, M.unknown_model(wants.model), "model_not_found") end
  local encoder = assert(core.encoder("ollama", "whole", { model = wants.model, now = visit.at, generate = wants.generate }))
  encoder:put({ type = "finish", reason = "stop", raw_reason = wants.unload and "unload" or "load" }, visit:now())
  encoder:finish(visit:now())
  return 200, chats.headers(CHAT, false), encoder:take()
end

-- Ollama's word for what the model lacks; nil where it has all that is asked for.
local function lacking(entry, asked, wants)
  if wants.suffix and entry.route.capabilities and descriptions.lacks(entry, "insert") then return "insert" end
  if asked.reasoning ~= nil and asked.reasoning ~= "none" and descriptions.lacks(entry, "thinking") then return "thinking" end
  if asked.tools and asked.tools[1] and descriptions.lacks(entry, "tools") then return "tools" end
end

-- What a completion has no place for; nil where there is none of it.
local function beside_prompt(asked)
  return asked.output and "format" or type(asked.messages[1].content) == "table" and "images" or nil
end

-- Has a prompt that is no conversation go to the server's route for such.
local function complete(visit, asked, wants, target)
  local what = wants.suffix and "insert" or "raw mode"
  local client, beside = relay.client(target, "openai_chat"), beside_prompt(asked)
  local absent = ("%q does not support %s"):format(wants.model, what)
  if not client then return visit:refuse(400, absent) end
  if beside then return visit:refuse(400, ("%s with %s"):format(absent, beside)) end
  target.completion = completions.client(client, { prompt = wants.prompt, suffix = not wants.raw and wants.suffix or nil, absent = absent })
end

local LEVELS = { anthropic = "medium" } -- by protocols whose servers think only where they are told how much

-- A model that is said to think does so unless it is told not to, as on a real server.
local function think(entry, asked)
  local thinks = asked.reasoning
  if thinks == nil and entry.route.capabilities and not descriptions.lacks(entry, "thinking") then thinks = {} end
  if type(thinks) == "table" and not thinks.effort then thinks = LEVELS[entry.client.provider.protocol] or thinks end
  asked.reasoning = thinks
end

local function early(visit, asked, wants, target)
  if wants.load then return loaded(visit, wants, target) end
  local entry = entry_of(visit, wants.model)
  local what = lacking(entry, asked, wants)
  if what then return visit:refuse(400, ("%q does not support %s"):format(wants.model, what)) end
  think(entry, asked)
  if wants.raw or wants.suffix then return complete(visit, asked, wants, target) end
end

CHAT.early = early

local function chat(visit) return chats.answer(visit, CHAT) end

-- Embeddings --------------------------------------------------------------------------------------------------------------

local function embed(visit)
  local body, problem = visit:text()
  if not body then return nil, problem end
  local asked, wants = embeddings.decode_request(body, { path = visit.request.path })
  if not asked then return nil, wants end
  asked.protocol = nil -- a chat's
  local target, err = visit:target(wants.model)
  if not target then return nil, err end
  local answer = { vectors = {} }
  if not wants.load then answer, err = operations.ask(visit, "embeddings", target, asked) end
  if not answer then return nil, err end
  return operations.json(embeddings.encode_answer(wants, answer, visit:now() - visit.at))
end

-- Lists -------------------------------------------------------------------------------------------------------------------

local function alive() return 200, { ["content-type"] = "text/plain; charset=utf-8" }, "Ollama is running" end

local function version(visit) return operations.json { version = visit.gateway.version } end

local function tags(visit)
  local models = json.array {}
  for i, entry in ipairs(lists.all(visit.gateway)) do models[i] = descriptions.tag(entry) end
  return operations.json { models = models }
end

local function ps(visit)
  local models = json.array {}
  for i, entry in ipairs(lists.all(visit.gateway)) do models[i] = descriptions.running(entry, visit.at) end
  return operations.json { models = models }
end

-- What an Ollama server itself says of its model.
local function shown_by(entry, body)
  if entry.client.rows or entry.client.provider.protocol ~= "ollama" then return nil end
  local ollama = entry.client.ollama
  return mistake.catch(ollama.show, ollama, { model = entry.model, verbose = body.verbose == true or nil })
end

-- The name that a model's description shows: GitHub Copilot gets the one that it asked for, as from a real server.
local function shown_name(visit, entry, name)
  return (visit.request.headers["user-agent"] or ""):find "^GitHubCopilotChat/" and name or entry.name
end

local function show(visit)
  local body, err = visit:json()
  if not body then return nil, err end
  local name = body.model or body.name
  local target, problem = visit:target(name)
  if not target then return nil, problem end
  local entry = entry_of(visit, name)
  local description, fault = shown_by(entry, body)
  if fault and fault.status == 404 then return nil, fault end
  -- described here where its server fails: there are programs that show no model at all where one has no description
  return operations.json(description or descriptions.description(entry, shown_name(visit, entry, name)))
end

-- Requests that change models ------------------------------------------------------------------------------------------------

local MANAGE = { protocol = "ollama", operation = "manage" }

local function managed(target) return target and target.route.manage and relay.client(target, "ollama") and target or nil end

local function no_manager(visit) return visit:refuse(403, "the models of this server are not managed here", "not_managed") end

-- The model that a new one is made from, by its name on the server.
local function rename_base(visit, body, target)
  if type(body.from) ~= "string" or body.from == "" then return nil end
  local base, err = visit:target(body.from)
  if not base then return err end
  if base.client ~= target.client then return problems.new(400, "from: that model is another server's") end
  body.from = base.model
end

-- Sends a request on to the Ollama server that has the model. `streams`: it tells of its progress unless it is told not to.
local function manage(streams)
  return function(visit)
    local body, err = visit:json()
    if not body then return nil, err end
    local name = body.model or body.name or body.source
    local target
    target, err = visit:target(name)
    if not target then return nil, err end
    if not managed(target) then return no_manager(visit) end
    if body.source then body.source = target.model end
    err = rename_base(visit, body, target)
    if err then return nil, err end
    return relay.raw(visit, target, MANAGE, body, streams and body.stream ~= false)
  end
end

-- Programs pull a model before they use it: one that is here is there at once.
local function pull(visit)
  local body, err = visit:json()
  if not body then return nil, err end
  local target
  target, err = visit:target(body.model or body.name)
  if not target then return nil, err end
  if managed(target) then return manage(true)(visit) end
  if lists.denied(visit.gateway, target) then return visit:refuse(404, "pull model manifest: file does not exist", "model_not_found") end
  if body.stream == false then return operations.json { status = "success" } end
  return 200, chats.headers(CHAT, true), json.encode { status = "success" } .. "\n"
end

-- The first server that is managed: layers of models have no model's name.
local function manager(visit)
  for _, route in ipairs(visit.gateway.routes.list) do
    local target = managed { client = route.client, model = "", route = route }
    if target then return target end
  end
end

local function ask_blob(visit)
  local target = manager(visit)
  if not target then return no_manager(visit) end
  return relay.raw(visit, target, MANAGE, nil, false)
end

local function push_blob(visit)
  local target, asked = manager(visit), visit.request
  if not target then return no_manager(visit) end
  return relay.file(visit, target, MANAGE, asked.source and asked.source() or { data = asked.body or "" })
end

-- Ollama's own cloud -------------------------------------------------------------------------------------------------------

local function status() return operations.json { cloud = { disabled = true, source = "config" } } end

local function recommendations() return operations.json { recommendations = json.array {} } end

local function no_cloud(visit) return visit:refuse(403, "Ollama's cloud is disabled here", "cloud_disabled") end

local function no_account(visit) return visit:refuse(401, "unauthorized", "unauthorized") end

---@type table<string, table<string, function>>
M.routes = {
  ["/"] = { GET = alive, HEAD = alive },
  ["/api/version"] = { GET = version, HEAD = version },
  ["/api/tags"] = { GET = tags, HEAD = tags },
  ["/api/ps"] = { GET = ps },
  ["/api/show"] = { POST = show },
  ["/api/chat"] = { POST = chat },
  ["/api/generate"] = { POST = chat },
  ["/api/embed"] = { POST = embed },
  ["/api/embeddings"] = { POST = embed },
  ["/api/pull"] = { POST = pull },
  ["/api/push"] = { POST = manage(true) },
  ["/api/create"] = { POST = manage(true) },
  ["/api/copy"] = { POST = manage(false) },
  ["/api/delete"] = { DELETE = manage(false) },
  ["/api/status"] = { GET = status },
  ["/api/experimental/model-recommendations"] = { GET = recommendations },
  ["/api/experimental/web_search"] = { POST = no_cloud },
  ["/api/experimental/web_fetch"] = { POST = no_cloud },
  ["/api/me"] = { POST = no_account },
  ["/api/signout"] = { POST = no_account },
}

local BLOB = "^/api/blobs/(sha256[:-]%x+)$"

M.patterns = { { BLOB, { HEAD = ask_blob, POST = push_blob } }, { "^/api/user/keys/([^/]+)$", { DELETE = no_account } } }

--- The paths whose bodies are files.
M.files = BLOB

return M
