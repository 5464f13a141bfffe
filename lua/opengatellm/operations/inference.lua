--- The operations on models, beside chat and embeddings: lists of them, reranking, OCR, transcription; and two routes that are gone.
--
-- The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.inference
local enums = require "opengatellm.operations.enums"
local ocr = require "opengatellm.operations.ocr"
local rerank = require "opengatellm.operations.rerank"
local transcribe = require "opengatellm.operations.transcribe"

local MIB = 1024 * 1024
local MODEL = "string 1.., required, or the client's: The model; default: the client's."

return {
  { "models", "GET /models", "The models that the key may use.", result = "list of object", common = true },
  {
    "model", "GET /models/{id}", "One model, by its name or an alias; slashes in it are part of it.", result = "object", common = true,
    parameters = { id = "string 1.., required: Its name." }, slashes = true,
  },
  {
    "rerank", "POST /rerank", "Texts by how well they answer a query, best first, in `results`: each {index, score}.", result = "object",
    inference = true, common = true, finish = rerank.finish,
    body = {
      model = MODEL, query = "string 1.., required: What they are measured by.", documents = "list of string 1.., required: The texts.",
      top_n = "integer 1..: Results at most.",
    },
  },
  {
    "ocr", "POST /ocr", "The text of a document or a picture, page by page, as Markdown.", result = "object", inference = true, common = true,
    prepare = ocr.prepare, finish = ocr.finish, json_schema = "schema",
    body = {
      document = "any, required: An address, a path, or {url | path | data, mime, name}.", model = "string 1..: The model.",
      pages = "list of integer 1..: Only these pages; the first is 1.", include_image_base64 = "boolean: Send the pictures of the pages too.",
      image_limit = "integer: Pictures at most.", image_min_size = "integer: The least height and width of a picture.",
      bbox_annotation_format = "table: How pictures are described: {type = text|json_object|json_schema, json_schema}.",
      document_annotation_format = "table: How the whole is described: the same.", document_annotation_prompt = "string: What to say of it.",
      extract_header = "boolean: Headers apart.", extract_footer = "boolean: Footers apart.",
      table_format = "one of markdown|html: How tables are written.",
    },
  },
  {
    "transcribe", "POST /audio/transcriptions", "The text of a recording.", result = "text", inference = true, common = true,
    finish = transcribe.finish, prepare = transcribe.prepare, rule = transcribe.rule, max_file = 20 * MIB, absent = { "timestamp_granularities" },
    form = {
      file = "file, required: The recording: mp3 or wav.", model = MODEL,
      language = "one of " .. enums.LANGUAGES .. ": The language of the text.", prompt = "string: What the model should know.",
      response_format = "one of json|text|verbose_json|diarized_json|srt|vtt: The form of the transcript.",
      temperature = "number 0..1: How freely the model chooses.",
      timestamp_granularities = "list of one of segment|word, 1.. items: Times of what; the form is then verbose_json.",
    },
  },

  -- Gone since 0.5
  {
    "legacy.parse", "POST /parse-beta", "The text of a PDF file, page by page.", result = "object", inference = true, max_file = 20 * MIB,
    form = {
      file = "file, required: The file.", page_range = "string: Pages, from 0: \"0,5-10,20\".", force_ocr = "boolean: OCR on every page.",
    },
  },
  {
    "legacy.chunks", "GET /chunks/{document_id}", "The chunks of a document, by the route that chunks.list replaced.", result = "list of object",
    parameters = { document_id = "integer, required: The document's ID." },
    query = { offset = "integer 0..: Items to skip.", limit = "integer 1..100: Items of a page; the server's default is 10." },
  },
  {
    "legacy.chunk", "GET /chunks/{document_id}/{chunk_id}", "One chunk, by the route that chunks.get replaced.", result = "object",
    parameters = { document_id = "integer, required: The document's ID.", chunk_id = "integer 0.., required: The chunk's ID." },
  },
}
