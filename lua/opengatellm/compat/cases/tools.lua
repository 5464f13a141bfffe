--- Cases of tools and schemas: that calls come as they were asked for, that their results are read, and that values fit.
--
-- @module opengatellm.compat.cases.tools
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"
local message = require "opengatellm.request.message"
local schema = require "opengatellm.schema"
local verdict = require "opengatellm.compat.verdict"

local unpack = table.unpack or unpack -- luacheck: compat

local WEATHER = {
  name = "get_weather", description = "The weather in a town, now.",
  parameters = schema.object { { "town", schema.string "Name of the town" } },
}
local NOTE = {
  name = "note_topic", description = "Notes what the user talks about.",
  parameters = schema.object { { "topic", schema.string "One word" } },
}

-- What is wrong with a call, beside its town; else the decoded arguments.
local function arguments_of(call, tool)
  if call.name ~= tool.name then return nil, ("expected a call of %s, got one of %s"):format(tool.name, kind.shown(call.name)) end
  local arguments, problem = json.decode(call.arguments)
  if type(arguments) ~= "table" then return nil, "its arguments are no JSON object: " .. tostring(problem or kind.shown(arguments)) end
  local fits, failures = tool.parameters:validate(arguments)
  if not fits then return nil, "its arguments do not fit: " .. tostring(failures):gsub("\n.*", "") end
  return arguments
end

-- The towns that the calls of a reply name, or the first problem.
local function towns_of(reply)
  local towns, ids = {}, {}
  for i, call in ipairs(reply.tool_calls or {}) do
    local arguments, problem = arguments_of(call, WEATHER)
    if not arguments then return nil, problem end
    if call.id and ids[call.id] then return nil, "two calls have the same id" end
    towns[i], ids[call.id or i] = arguments.town, true
  end
  return towns
end

-- What is wrong with calls that have to name these towns, in any order.
local function misses(towns, wanted)
  if #towns ~= #wanted then return ("expected calls for %s, got %d in one answer"):format(table.concat(wanted, " and "), #towns) end
  return verdict.lacks(table.concat(towns, " "), unpack(wanted))
end

-- Asks for the weather in towns, checks the calls, answers them, and checks that the results are read.
local function round_trip(target, question, wanted)
  local messages = { message.user(question) }
  local fields = { messages = messages, tools = { WEATHER } }
  local reply, err = target:chat(fields)
  if not reply then return verdict.of_error(err) end
  local towns, problem = towns_of(reply)
  problem = problem or misses(towns, wanted) or verdict.ends_otherwise(reply, "tool_calls")
  if problem then return "fail", problem end
  messages[2] = reply
  local degrees = {}
  for i, call in ipairs(reply.tool_calls) do
    degrees[i] = towns[i]:lower():find "lyon" and "31" or "17"
    messages[2 + i] = message.tool_result(call.id or call.name, { degrees = tonumber(degrees[i]) })
  end
  reply, err = target:chat(fields)
  if not reply then return verdict.of_error(err) end
  problem = verdict.lacks(reply.text, unpack(degrees))
  return verdict.of(problem, ("it called %s, and read %s"):format(WEATHER.name, table.concat(degrees, " and ")))
end

local function tool_call(target)
  return round_trip(target, "How many degrees are there in Lyon now? Use the tool, then answer in digits.", { "Lyon" })
end

local function parallel_tools(target)
  local question = "How many degrees are there in Lyon, and in Lille? Call the tool for both at once, then answer in digits."
  return round_trip(target, question, { "Lyon", "Lille" })
end

local function forced_tool(target)
  local reply, err = target:chat {
    messages = "How many degrees are there in Lyon now?", tools = { WEATHER, NOTE }, tool_choice = { name = NOTE.name },
  }
  if not reply then return verdict.of_error(err) end
  local left_out = verdict.left_out(reply, "tool_choice")
  if left_out then return "skip", left_out end
  local call = reply.tool_calls and reply.tool_calls[1]
  if not call then return "fail", ("expected a call of %s, got none"):format(NOTE.name) end
  local _, problem = arguments_of(call, NOTE)
  return verdict.of(problem, "it called " .. NOTE.name)
end

-- How the value was asked for, where the server was not given the schema; and whether it stood between other words.
local function of_warnings(reply)
  local mode, is_loose
  for _, warning in ipairs(reply.warnings) do
    if warning.code == "output_mode" then mode = "as the arguments of a tool" end
    if warning.code == "approximated" and warning.field == "output" then mode = "by instructions: the server is given no schema" end
    is_loose = is_loose or warning.code == "output_recovered"
  end
  return mode, is_loose
end

local function structured_output(target)
  local output = schema.object {
    { "town", schema.string() }, { "river", schema.enum { "Rhône", "Seine", "Loire" } }, { "people", schema.integer { min = 0 } },
  }
  local reply, err = target:chat {
    messages = "Which large French town lies where the Saône meets the Rhône? Name it, that river, and its number of people.",
    output = output, output_retries = 0,
  }
  if not reply then return verdict.of_error(err) end
  local mode, is_loose = of_warnings(reply)
  if is_loose and not mode then return "fail", "the server was given the schema, and wrote more than JSON: " .. kind.shown(reply.text) end
  return verdict.of(verdict.lacks(reply.output.town, "Lyon"), "a value that fits, " .. (mode or "from a server that was given the schema"))
end

return {
  tool_call = { says = "a tool is called, and its result is read", run = tool_call },
  parallel_tools = { says = "two calls come in one answer", run = parallel_tools },
  forced_tool = { says = "the tool that has to be called is", run = forced_tool },
  structured_output = { says = "a value fits its schema", run = structured_output },
}
