--- The conformance server: holds what a client sends against an OpenAPI document, and answers as the document says.
--
--   lua5.4 tests/server/openapi.lua --document FILE [--port N] [--minimal] [--until-eof]
--
-- Life: prints `port N` and serves until a signal ends it, or (`--until-eof`) until standard input ends. Every request
-- gets the first success that its operation declares, with an example as body (example.lua; `--minimal`: required
-- properties only), however wrong it was: what was wrong is kept for the test to ask for. Only what no operation matches
-- gets a 404.
--
--   GET /stats/operations   all requests, in order: { operation, method, path (the template), target, violations,
--                           undeclared, query, body (decoded; of a file: filename, content_type, size and, if it is
--                           text, content), response (the text that was sent) }; null for what is not there
--   GET /stats/list         all operations of the document: { operation, method, path, deprecated }
--   GET /stats/reset        forgets the requests
--
-- `violations` are texts, "query.limit: 500 is more than 100"; `undeclared` are fields of a body that the schema allows
-- without knowing them.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local cjson = require "cjson"
local contract = require "server.contract"
local example = require "server.example"
local form = require "server.form"
local http = require "server.http"
local loop = require "server.loop"
local multipart = require "server.multipart"
local program = require "server.program"
local schema = require "server.schema"

local options = program.options(arg, { document = 1, port = 1, minimal = 0, ["until-eof"] = 0 })
if not options.document then
  io.stderr:write("usage: openapi.lua --document FILE [--port N] [--minimal] [--until-eof]\n")
  os.exit(2)
end
local document = contract.load(options.document)

-- The verdict -------------------------------------------------------------------------------------------------------

local Verdict = {}
Verdict.__index = Verdict

local function new_verdict(request)
  return setmetatable({
    method = request.method, target = request.target, query = {},
    violations = setmetatable({}, schema.ARRAY), undeclared = setmetatable({}, schema.ARRAY),
  }, Verdict)
end

function Verdict:add(text, ...)
  table.insert(self.violations, text:format(...))
end

--- Adds what is wrong with a value.
function Verdict:check(rules, value, at)
  local problems = schema.validate(document.root, rules, value, at)
  table.move(problems, 1, #problems, #self.violations + 1, self.violations)
end

--- The verdict as JSON. The body is the text that came where it was JSON: nothing is lost on the way.
function Verdict:encode()
  return example.encode {
    operation = self.operation or cjson.null, method = self.method, path = self.path or cjson.null,
    target = self.target, violations = self.violations, undeclared = self.undeclared, query = self.query,
    response = self.response or cjson.null,
  }:sub(1, -2) .. ',"body":' .. (self.body or "null") .. "}"
end

-- The head of a request ---------------------------------------------------------------------------------------------

local function judge_key(verdict, operation, request)
  if not operation.secured then return end
  local given = request.headers["authorization"]
  if not given then return verdict:add "header.authorization: is missing" end
  if not given:find "^Bearer %S+$" then verdict:add "header.authorization: is not of the form Bearer KEY" end
end

local function judge_path(verdict, operation, captures)
  for _, parameter in ipairs(operation.parameters) do
    local text = parameter.place == "path" and captures[parameter.name]
    if text then -- DELETE /v1/admin/tokens/{token} declares one that its path has no room for
      local value = form.convert(document.root, parameter.schema, http.unescape(text))
      verdict:check(parameter.schema, value, "path." .. parameter.name)
    end
  end
end

local function judge_query(verdict, operation, request)
  local declared, required = {}, {}
  for _, parameter in ipairs(operation.parameters) do
    if parameter.place == "query" then
      declared[parameter.name] = parameter.schema
      if parameter.required then required[#required + 1] = parameter.name end
    end
  end
  local values, _, problems = form.values(document.root, declared, form.query(request.query))
  for _, problem in ipairs(problems) do verdict:add("query.%s", problem) end
  verdict:check({ properties = declared, required = required, additionalProperties = false }, values, "query")
  verdict.query = values
end

-- The body ----------------------------------------------------------------------------------------------------------

--- The schema itself and not a reference to it, for who wants to see its properties.
local function open(rules) return contract.resolve(document.root, rules) end

local function read_json(verdict, request)
  if not utf8.len(request.body) then return verdict:add "body: is not UTF-8" end
  local value, problem = schema.decode(request.body)
  if value == nil then return verdict:add("body: is no JSON: %s", problem) end
  verdict.body = request.body
  return value
end

--- What a record shows of a form: bytes that are no text cannot be in JSON.
local function encode_fields(fields)
  for _, value in pairs(fields) do
    if type(value) == "table" and value.content and not utf8.len(value.content) then value.content = nil end
  end
  return example.encode(setmetatable(fields, schema.OBJECT))
end

local function read_fields(verdict, rules, fields, problem)
  if not fields then return verdict:add("body: %s", problem) end
  local values, shown, problems = form.values(document.root, open(rules).properties or {}, fields)
  for _, each in ipairs(problems) do verdict:add("body.%s", each) end
  verdict.body = encode_fields(shown)
  return values
end

-- Content type → what reads such a body; gives nil and has told why if it cannot.
local READERS = {
  ["application/json"] = read_json,
  ["multipart/form-data"] = function(verdict, request, rules)
    return read_fields(verdict, rules, multipart.parts(request.body, request.headers["content-type"]))
  end,
  ["application/x-www-form-urlencoded"] = function(verdict, request, rules)
    return read_fields(verdict, rules, form.query(request.body))
  end,
}

--- The content type of the request and the schema for it; for one that is not declared, any that is.
local function choose_content(verdict, content, request)
  local media_type = (request.headers["content-type"] or "none"):match "^[^;%s]*":lower()
  if content[media_type] then return media_type, content[media_type] end
  local declared = contract.names(content)
  verdict:add("header.content-type: is %s, not %s", media_type, table.concat(declared, " or "))
  return media_type, content[declared[1]]
end

local function list_undeclared(verdict, rules, value)
  if type(value) ~= "table" or value[1] ~= nil or open(rules).additionalProperties == false then return end
  for _, name in ipairs(schema.undeclared(open(rules), value)) do table.insert(verdict.undeclared, name) end
end

--- Gives the decoded body, if there is one.
local function judge_body(verdict, operation, request)
  local body = operation.body
  if not body then
    if #request.body > 0 then verdict:add("body: has %d bytes, but the operation takes none", #request.body) end
    return nil
  end
  if #request.body == 0 then
    if body.required then verdict:add "body: is missing" end
    return nil
  end
  local media_type, rules = choose_content(verdict, body.content, request)
  local read = READERS[media_type]
  local value = read and read(verdict, request, rules)
  if value == nil then return nil end
  verdict:check(rules, value, "body")
  list_undeclared(verdict, rules, value)
  return value
end

-- Serving -----------------------------------------------------------------------------------------------------------

local verdicts = {}

local function send(response, answer)
  if answer.frames then
    response:stream(answer.content_type)
    for _, frame in ipairs(answer.frames) do response:chunk(frame) end
    return response:finish()
  end
  if answer.body then return response:whole(answer.status, answer.body, answer.content_type) end
  response:head(answer.status, answer.status ~= 204 and { { "content-length", 0 } })
  response.complete = true
end

local function judge(request, response)
  local verdict = new_verdict(request)
  verdicts[#verdicts + 1] = verdict
  local operation, captures = document:match(request.method, request.path)
  if not operation then
    verdict:add("%s", captures)
    verdict.response = '{"detail":"Not Found"}'
    return response:whole(404, verdict.response)
  end
  verdict.operation, verdict.path = operation.name, operation.path
  judge_key(verdict, operation, request)
  judge_path(verdict, operation, captures)
  judge_query(verdict, operation, request)
  local body = judge_body(verdict, operation, request)
  local answer = example.answer(document, operation, type(body) == "table" and body or {}, options.minimal)
  verdict.response = answer.body
  send(response, answer)
end

-- Control -----------------------------------------------------------------------------------------------------------

local CONTROL = {}

CONTROL["/stats/operations"] = function()
  local texts = {}
  for i, verdict in ipairs(verdicts) do texts[i] = verdict:encode() end
  return "[" .. table.concat(texts, ",") .. "]"
end

CONTROL["/stats/list"] = function()
  local rows = setmetatable({}, schema.ARRAY)
  for i, each in ipairs(document.operations) do
    rows[i] = { operation = each.name, method = each.method, path = each.path, deprecated = each.deprecated }
  end
  return example.encode(rows)
end

CONTROL["/stats/reset"] = function()
  verdicts = {}
  return "{}"
end

local function serve(request, response)
  local control = request.method == "GET" and CONTROL[request.path]
  if control then return response:whole(200, control()) end
  judge(request, response)
end

local server = http.listen {
  port = tonumber(options.port), handler = serve,
  is_control = function(request) return CONTROL[request.path] ~= nil end,
}
if options["until-eof"] then program.exit_at_eof() end
program.announce(server)
loop.run()
server:stop()
