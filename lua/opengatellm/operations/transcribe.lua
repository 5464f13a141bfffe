--- Transcription: the answer, JSON or bare text by what was asked for.
--
-- @module opengatellm.operations.transcribe
local core = require "opengatellm.core"
local shape = require "opengatellm.operations.shape"

local M = {}

---@class ogl.Transcript
---@field text string for srt and vtt the subtitles as they came
---@field format "json"|"text"|"verbose_json"|"diarized_json"|"srt"|"vtt"
---@field segments? {id: integer, text: string, start: number, ["end"]: number, speaker?: string}[] times in seconds
---@field words? {word: string, start: number, ["end"]: number}[] where they were asked for
---@field language? string
---@field duration? number seconds
---@field model? string
---@field id? string
---@field usage? ogl.Usage

local BARE = { text = true, srt = true, vtt = true }

--- What no single parameter shows; times of words stand in the long form alone.
function M.rule(options)
  if options.stream then return "stream", "a transcript comes whole" end
  if options.timestamp_granularities and (options.response_format or "verbose_json") ~= "verbose_json" then
    return "timestamp_granularities", "it needs the response_format verbose_json"
  end
end

function M.prepare(options)
  if options.timestamp_granularities then options.response_format = "verbose_json" end
  return options
end

--- @param body string
function M.finish(body, context)
  local format = context.options.response_format or "json"
  if BARE[format] then return { text = body, format = format, model = context.options.model } end
  local answer = shape.of("object", core.decode(body), context.options)
  if not answer or type(answer.text) ~= "string" then return nil, "a transcript" end
  return {
    text = answer.text, format = format, segments = answer.segments, words = answer.words, language = answer.language,
    duration = answer.duration, model = answer.model, id = answer.id, usage = answer.usage,
  }
end

return M
