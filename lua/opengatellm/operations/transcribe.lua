--- Transcription: reads the answer, which is JSON or bare text, depending on the format that was asked for.
--
-- @module opengatellm.operations.transcribe
local number = require "opengatellm.operations.number"
local shape = require "opengatellm.operations.shape"

local M = {}

---@class ogl.Transcript
---@field text string for srt and vtt the subtitles as they came
---@field format "json"|"text"|"verbose_json"|"diarized_json"|"srt"|"vtt" json if the server knows no other, whatever was asked for
---@field segments? {id: integer, text: string, start: number, ["end"]: number, speaker?: string}[] times in seconds
---@field words? {word: string, start: number, ["end"]: number}[] where they were asked for
---@field language? string
---@field duration? number seconds
---@field model? string
---@field id? string
---@field usage? ogl.Usage

local BARE = { text = true, srt = true, vtt = true }

--- Checks parameters that depend on one another: only the long form holds the times of words.
---@param options table of the call
---@return string? name of the parameter
---@return string? problem
function M.rule(options)
  if options.stream then return "stream", "a transcript comes whole" end
  if options.timestamp_granularities and (options.response_format or "verbose_json") ~= "verbose_json" then
    return "timestamp_granularities", "it needs the response_format verbose_json"
  end
end

--- Asks for the long form where the call wants times.
---@param options table of the call
---@return table options
function M.prepare(options)
  if options.timestamp_granularities then options.response_format = "verbose_json" end
  return options
end

-- Makes the times numbers, because some servers write them as texts.
local function timed(list)
  if type(list) ~= "table" then return nil end
  for _, row in ipairs(list) do
    if type(row) == "table" then row.start, row["end"] = number.of(row.start), number.of(row["end"]) end
  end
  return list
end

-- A transcript in JSON, asked for or not.
local function of_json(answer, format)
  return {
    text = answer.text, format = format, segments = timed(answer.segments), words = timed(answer.words), language = answer.language,
    duration = number.of(answer.duration), model = answer.model, id = answer.id, usage = answer.usage,
  }
end

--- Reads a transcript in any form. Servers that write only JSON send a bare text as a JSON string, and those that know one form send it
--- whatever was asked for.
---@param body string
---@param context ogl.Context
---@param decoded any the body, where it is JSON
function M.finish(body, context, decoded)
  local format = context.options.response_format or "json"
  if BARE[format] and type(decoded) ~= "table" then
    return { text = decoded or body, format = format, model = context.options.model }
  end
  local answer = shape.of("object", decoded, context.options)
  if not answer or type(answer.text) ~= "string" then return nil, "a transcript" end
  return of_json(answer, BARE[format] and "json" or format)
end

return M
