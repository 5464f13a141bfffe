--- The names of OpenTelemetry's conventions for generative AI, as data: what a version of them calls an attribute and a metric.
--
-- "2026-10" is github.com/open-telemetry/semantic-conventions-genai as of October 2026 (docs/gen-ai: client-inference, token metrics,
-- migration); "1.41" is the last version in the general conventions, which older backends read. All of it has the status Development.
-- The middleware reports only figures that the chosen version has a name for.
--
-- @module opengatellm.middleware.otel_names
local figures = require "opengatellm.middleware.figures"

local M = {}

local TOKENS = { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864 }
local CALLS = { 1, 2, 4, 8, 16, 32, 64, 128 }

-- Attributes of both versions.
local ATTRIBUTES = {
  operation = "gen_ai.operation.name", provider = "gen_ai.provider.name", model = "gen_ai.request.model", address = "server.address",
  port = "server.port", error = "error.type",
  max_tokens = "gen_ai.request.max_tokens", temperature = "gen_ai.request.temperature", top_p = "gen_ai.request.top_p",
  top_k = "gen_ai.request.top_k", stop = "gen_ai.request.stop_sequences", seed = "gen_ai.request.seed",
  frequency_penalty = "gen_ai.request.frequency_penalty", presence_penalty = "gen_ai.request.presence_penalty",
  choices = "gen_ai.request.choice.count", stream = "gen_ai.request.stream", output_type = "gen_ai.output.type",
  conversation = "gen_ai.conversation.id",
  response_id = "gen_ai.response.id", response_model = "gen_ai.response.model", finish_reasons = "gen_ai.response.finish_reasons",
  first_chunk = "gen_ai.response.time_to_first_chunk",
  input_tokens = "gen_ai.usage.input_tokens", output_tokens = "gen_ai.usage.output_tokens",
  cached_tokens = "gen_ai.usage.cache_read.input_tokens", reasoning_tokens = "gen_ai.usage.reasoning.output_tokens",
  tool_name = "gen_ai.tool.name", tool_type = "gen_ai.tool.type", tool_description = "gen_ai.tool.description",
  tool_call = "gen_ai.tool.call.id", agent = "gen_ai.agent.name",
  instructions = "gen_ai.system_instructions", input_messages = "gen_ai.input.messages", output_messages = "gen_ai.output.messages",
  tool_definitions = "gen_ai.tool.definitions", tool_arguments = "gen_ai.tool.call.arguments", tool_result = "gen_ai.tool.call.result",
}

local function with(more)
  local out = {}
  for key, name in pairs(ATTRIBUTES) do out[key] = name end
  for key, name in pairs(more) do out[key] = name end
  return out
end

local function seconds(name, description)
  return { name = name, kind = "histogram", unit = "s", bounds = figures.SECONDS, description = description }
end
local function tokens(name, description)
  return { name = name, kind = "histogram", unit = "{token}", bounds = TOKENS, description = description }
end
local function counter(name, description) return { name = name, kind = "counter", unit = "{token}", description = description } end

local TOOL = seconds("gen_ai.execute_tool.duration", "Duration of the execution of a tool.")

---@class ogl.Instrument
---@field name string
---@field kind "counter"|"histogram"
---@field unit string
---@field description string
---@field bounds? number[] of a histogram
---@field type? string the value of gen_ai.token.type

--- The versions: `attributes` by our keys, `instruments` by what they measure.
M.VERSIONS = {
  ["2026-10"] = {
    attributes = with {
      written_tokens = "gen_ai.usage.cache_write.input_tokens", level = "gen_ai.request.reasoning.level",
      previous = "gen_ai.request.previous_response.id", modality = "gen_ai.token.modality",
    },
    instruments = {
      duration = seconds("gen_ai.client.inference.duration", "GenAI client inference operation duration."),
      other_duration = seconds("gen_ai.client.operation.duration", "GenAI operation duration."),
      first_chunk = seconds("gen_ai.client.inference.time_to_first_chunk", "Time to receive the first chunk."),
      gaps = seconds("gen_ai.client.inference.time_per_output_chunk", "Time from one chunk to the next."),
      input = counter("gen_ai.client.inference.usage.input_tokens", "Input tokens used, cached ones included."),
      output = counter("gen_ai.client.inference.usage.output_tokens", "Output tokens used, reasoning included."),
      cached = counter("gen_ai.client.inference.usage.cache_read.input_tokens", "Input tokens read from the provider's cache."),
      written = counter("gen_ai.client.inference.usage.cache_write.input_tokens", "Input tokens written to the provider's cache."),
      reasoning = counter("gen_ai.client.inference.usage.reasoning.output_tokens", "Output tokens used for reasoning."),
      input_spread = tokens("gen_ai.client.inference.operation.input_tokens", "Input tokens of one operation."),
      output_spread = tokens("gen_ai.client.inference.operation.output_tokens", "Output tokens of one operation."),
      tool_duration = TOOL,
      turn_duration = seconds("gen_ai.invoke_agent.duration", "Duration of an invocation of an agent."),
      turn_calls = {
        name = "gen_ai.invoke_agent.inference_calls", kind = "histogram", unit = "{call}", bounds = CALLS,
        description = "Calls of a model in an invocation of an agent.",
      },
      turn_tools = {
        name = "gen_ai.invoke_agent.tool_calls", kind = "histogram", unit = "{call}", bounds = CALLS,
        description = "Calls of tools in an invocation of an agent.",
      },
    },
  },
  ["1.41"] = {
    attributes = with { written_tokens = "gen_ai.usage.cache_creation.input_tokens", token_type = "gen_ai.token.type" },
    instruments = {
      duration = seconds("gen_ai.client.operation.duration", "GenAI operation duration."),
      other_duration = seconds("gen_ai.client.operation.duration", "GenAI operation duration."),
      first_chunk = seconds("gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk."),
      gaps = seconds("gen_ai.client.operation.time_per_output_chunk", "Time from one chunk to the next."),
      input_spread = tokens("gen_ai.client.token.usage", "Number of input and output tokens used."),
      output_spread = tokens("gen_ai.client.token.usage", "Number of input and output tokens used."),
    },
  },
}
M.VERSIONS["1.41"].instruments.input_spread.type = "input"
M.VERSIONS["1.41"].instruments.output_spread.type = "output"

--- The conventions' names of operations, where they are not ours.
M.OPERATIONS = { stream = "chat", tool = "execute_tool", turn = "invoke_agent" }

--- The conventions' names of providers, where they are not ours.
M.PROVIDERS = {
  azure_openai = "azure.ai.openai", bedrock = "aws.bedrock", gemini = "gcp.gemini", mistral = "mistral_ai", moonshot = "moonshot_ai",
  vertex = "gcp.vertex_ai", xai = "x_ai",
}

return M
