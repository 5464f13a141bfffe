--- A plan: what the scripted server is going to say to a chat, before a byte of it is written.
--
-- `plan.answer(json)` reads the decoded request and gives `{ reasoning, text, finish, call }`: two lists of tokens
-- (either may be empty), the finish_reason, and, if a tool is to be called, `{ id, name, arguments }`. It depends
-- on the request alone, so the same question always gets the same answer. The words stand in script.lua.

local cjson = require "cjson"
local script = require "server.script"

local plan = {}

--- The text of a message, whose content is a string or a list of parts.
local function text_of(message)
  local content = type(message) == "table" and message.content
  if type(content) == "string" then return content end
  local texts = {}
  for _, part in ipairs(type(content) == "table" and content or {}) do
    if type(part) == "table" and type(part.text) == "string" then texts[#texts + 1] = part.text end
  end
  return table.concat(texts, " ")
end

local function last_text(messages, role)
  for position = #messages, 1, -1 do
    if messages[position].role == role then return text_of(messages[position]) end
  end
  return ""
end

--- What the user asked last.
function plan.question(json)
  return last_text(json.messages, "user")
end

--- OGL's estimate of the prompt: texts only, neither tools nor images.
function plan.prompt_tokens(messages)
  local count = 0
  for _, message in ipairs(messages) do count = count + script.estimate(text_of(message)) end
  return count
end

--- The function that shall be called, or nil. A missing tool_choice means "auto", unless OGL put another there.
local function chosen_function(json)
  local choice = json.tool_choice or "auto"
  local named = type(choice) == "table" and type(choice["function"]) == "table" and choice["function"].name
  for _, tool in ipairs(type(json.tools) == "table" and json.tools or {}) do
    local fn = type(tool) == "table" and tool["function"]
    if fn and (choice == "auto" or choice == "required" or named == fn.name) then return fn end
  end
end

--- A value, in JSON, that a schema allows; for the schemas that tools have.
local function example(schema)
  if type(schema.enum) == "table" then return cjson.encode(schema.enum[1]) end
  if schema.type == "integer" or schema.type == "number" then return "1" end
  if schema.type == "boolean" then return "true" end
  return '"Paris"'
end

--- Arguments for a function, in JSON: every property of a simple type, sorted so that they are always the same.
local function arguments_for(fn)
  local schema = type(fn.parameters) == "table" and fn.parameters or {}
  local fields = {}
  for name, property in pairs(type(schema.properties) == "table" and schema.properties or {}) do
    if property.type ~= "object" and property.type ~= "array" then
      fields[#fields + 1] = script.quote(name) .. ": " .. example(property)
    end
  end
  table.sort(fields)
  return "{" .. table.concat(fields, ", ") .. "}"
end

local function plan_call(fn)
  return {
    reasoning = script.tokens(script.TOOL_REASONING), text = {}, finish = "tool_calls",
    call = { id = "chatcmpl-tool-3f2a9c", name = fn.name, arguments = arguments_for(fn) },
  }
end

-- What is said to a request for JSON: the country of the play, a list where the schema has one as `value`, else an example of the schema.
local function json_answer(format)
  local schema = type(format.json_schema) == "table" and format.json_schema.schema
  local properties = type(schema) == "table" and schema.properties
  if type(properties) ~= "table" or properties.pays then return script.JSON_ANSWER end
  if type(properties.value) == "table" and properties.value.type == "array" then return script.LIST_ANSWER end
  return arguments_for { parameters = schema }
end

--- What to say to a question: reasoning and answer.
local function lines_for(json)
  local messages = json.messages
  if type(messages[#messages]) == "table" and messages[#messages].role == "tool" then
    return script.TOOL_REASONING, script.TOOL_ANSWER:format(text_of(messages[#messages]))
  end
  if type(json.response_format) == "table" and json.response_format.type ~= "text" then
    return script.REASONING, json_answer(json.response_format)
  end
  local question = plan.question(json)
  if question:lower():find("capital", 1, true) and question:lower():find("france", 1, true) then
    return script.REASONING, script.ANSWER
  end
  return script.OTHER_REASONING, script.OTHER_ANSWER:format(question)
end

--- Cuts the answer to the tokens that the client allows; the reasoning counts.
local function limit(answer, most)
  if type(most) ~= "number" or most >= #answer.reasoning + #answer.text then return answer end
  most = math.max(0, math.floor(most))
  local rest = math.max(0, most - #answer.reasoning)
  answer.reasoning = table.move(answer.reasoning, 1, math.min(most, #answer.reasoning), 1, {})
  answer.text = table.move(answer.text, 1, rest, 1, {})
  answer.finish = "length"
  return answer
end

function plan.answer(json)
  local fn = chosen_function(json)
  if fn and json.messages[#json.messages].role ~= "tool" then return plan_call(fn) end
  local reasoning, text = lines_for(json)
  local answer = { reasoning = script.tokens(reasoning), text = script.tokens(text), finish = "stop" }
  local most = json.max_completion_tokens
  if type(most) ~= "number" then most = json.max_tokens end
  return limit(answer, most)
end

return plan
