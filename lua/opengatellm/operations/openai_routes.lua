--- The operations that other servers have and OpenGateLLM does not: speech, images, moderation, files and batches.
--
-- The forms are OpenAI's, which many servers copy; names, types and ranges are those of openai-python, types/*_params.py, made of its
-- OpenAPI document. Limits that only some models or servers have (the length of a prompt, the names of voices) are left to the server.
-- The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.openai_routes
local batches = require "opengatellm.operations.batches"
local images = require "opengatellm.operations.images"
local moderate = require "opengatellm.operations.moderate"

local MODEL = "string 1.., required, or the client's: The model; default: the client's."
local OWN_MODEL = "string 1..: The model; default: the server's, not the client's."
local ID = "string 1.., required: Its ID."
local AFTER = "string 1..: The ID that the page goes on after."
local BYTES = {
  path = "string 1..: Write the answer to this file, piece by piece; it is there when it is whole.",
  write = "function: Called with each piece of the answer; false, and why, ends it.",
}

local function one_place(options)
  if options.path and options.write then return "path", "it does not go together with write" end
end

local IMAGE = {
  prompt = "string 1.., required: What is to be seen.", model = OWN_MODEL, n = "integer 1..10: How many.",
  size = "string 1..: WIDTHxHEIGHT, or auto.", quality = "string 1..: low, medium, high or auto; some models: standard or hd.",
  background = "one of transparent|opaque|auto: What is behind it.", output_format = "one of png|jpeg|webp: The form of the file.",
  output_compression = "integer 0..100: How much a jpeg or webp is compressed, in percent.",
  response_format = "one of url|b64_json: An address or the bytes, where the model leaves the choice.", user = "string: Who asks.",
}

local function with(lines, more)
  local all = {}
  for name, line in pairs(lines) do all[name] = line end
  for name, line in pairs(more) do all[name] = line end
  return all
end

return {
  {
    "speech", "POST /audio/speech", "A text, spoken: {data, mime, length}.", result = "bytes", inference = true, only_others = true,
    media = "audio",
    body = {
      input = "string 1.., required: The text.", model = MODEL, voice = "any, required: The voice's name, or {id}.",
      response_format = "string 1..: mp3 (the server's default), opus, aac, flac, wav or pcm.", speed = "number 0.25..4: How fast; 1 is as usual.",
      instructions = "string: How it is to be said.",
    },
    own = BYTES,
    rule = function(options)
      if type(options.voice) ~= "string" and type(options.voice) ~= "table" then return "voice", "a name or a table is needed" end
      if options.stream_format == "sse" then return "stream_format", "the bytes themselves are what comes back: audio" end
      return one_place(options)
    end,
  },
  {
    "images", "POST /images/generations", "Images of a description, in `images`: each {url | data, mime, revised_prompt}.", result = "object",
    inference = true, only_others = true, finish = images.finish, rule = images.rule,
    body = with(IMAGE, {
      style = "one of vivid|natural: The style, for models that have two.", moderation = "one of low|auto: How strict the server is.",
    }),
  },
  {
    "edit_images", "POST /images/edits", "Images that are changed by a description; the result is that of images.", result = "object",
    inference = true, only_others = true, dialect = "images", finish = images.finish, rule = images.rule,
    form = with(IMAGE, {
      image = "files, required, ..16 items: What is changed: png, webp or jpg; one file or a list.",
      mask = "file: A png whose transparent areas say what may change.", input_fidelity = "one of high|low: How near it stays to what was given.",
    }),
  },
  {
    "moderate", "POST /moderations", "Whether a text or a picture is harmful, in `results`: each {flagged, categories, scores}.", result = "object",
    inference = true, only_others = true, finish = moderate.finish, rule = moderate.rule,
    body = { input = "any, required: A text, a list of texts, or a list of parts ({type = \"text\"|\"image_url\", …}).", model = OWN_MODEL },
  },

  -- Files
  {
    "files.create", "POST /files", "Uploads a file; gives its `id`.", result = "object", only_others = true, absent = { "display_name", "wait" },
    form = {
      file = "file, required: The file.",
      purpose = "string 1.., required: What for: batch, fine-tune, vision, user_data, evals, …; the Gemini API asks for none.",
      display_name = "string 1..512: Its name in the Gemini API; default: the file's.",
    },
    own = { wait = "any: true, or seconds: come back when the Gemini API has processed it." },
  },
  {
    "files.list", "GET /files", "The files.", result = "list of object", only_others = true,
    query = {
      purpose = "string 1..: Only those for this.", after = AFTER, limit = "integer 1..10000: Items of a page; the server's default is 10000.",
      order = "one of asc|desc: By when they were made.",
    },
  },
  {
    "files.get", "GET /files/{id}", "What the server says of a file.", result = "object", only_others = true, state = "status", parameters = { id = ID },
  },
  {
    "files.content", "GET /files/{id}/content", "What is in a file: {data, mime, length}.", result = "bytes", only_others = true,
    parameters = { id = ID }, own = BYTES, rule = one_place,
  },
  { "files.delete", "DELETE /files/{id}", "Deletes a file.", result = "object", only_others = true, parameters = { id = ID } },

  -- Batches
  {
    "batches.create", "POST /batches", "Has the server work off a file of requests; gives its `id` and `status`.", result = "object", only_others = true,
    state = "status", prepare = batches.prepare,
    body = {
      input_file_id = "string 1.., required: A file of JSON lines, made for the purpose batch.",
      endpoint = "string 1.., required: The route of all its requests: \"/v1/chat/completions\".",
      completion_window = "string 1..: How long it may take; default: 24h.", metadata = "table: Up to 16 texts by name.",
    },
  },
  {
    "batches.list", "GET /batches", "The batches.", result = "list of object", only_others = true,
    query = { after = AFTER, limit = "integer 1..100: Items of a page; the server's default is 20." },
  },
  {
    "batches.get", "GET /batches/{id}", "One batch: `status`, `request_counts`, `output_file_id`, and more.", result = "object", only_others = true,
    state = "status", parameters = { id = ID },
  },
  {
    "batches.cancel", "POST /batches/{id}/cancel", "Stops a batch; what is done stays.", result = "object", only_others = true, state = "status",
    parameters = { id = ID },
  },
  {
    "batches.results", "GET /batches/{id}", "What a batch has done, line by line: `for line in assert(client.batches:results(id)) do`.", result = "object",
    only_others = true, state = "status", parameters = { id = ID }, follow = "/files/{output_file_id}/content", finish = batches.results,
    own = { errors = "boolean: The requests that failed, which the server keeps apart, come after the others." },
  },
}
