--- The operations on collections, documents and chunks, and the search in them.
--
-- They belong to OpenGateLLM up to 0.4, and from 0.5 on to OpenGateRAG, with the same paths and keys: at the server's own address,
-- or at the client's `rag_url`. The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.rag
local enums = require "opengatellm.operations.enums"
local indexing = require "opengatellm.operations.indexing"
local searching = require "opengatellm.operations.searching"

local MIB = 1024 * 1024
local ID, DOCUMENT, CHUNK = "integer, required: Its ID.", "integer >0, required: The document's ID.", "integer 0.., required: The chunk's ID."
local OFFSET = "integer 0..: Items to skip."
local LIMIT = "integer 1..100: Items of a page; the server's default is 10."
local ORDER = { sort_by = "order_by", sort_order = "order_direction" }
local DIRECTION = "one of asc|desc: Direction of the order."
local VISIBILITY = "one of private|public: Who finds it: its owner, or everybody."

return {
  -- Collections
  {
    "collections.create", "POST /collections", "Makes a collection; gives its `id`.", result = "object",
    body = { name = "string 1.., required: The name; several may have the same.", description = "string: What is in it.", visibility = VISIBILITY },
  },
  {
    "collections.list", "GET /collections", "The collections that one may read.", result = "list of object", names = ORDER,
    query = {
      name = "string: Only those of exactly this name.", visibility = VISIBILITY, offset = OFFSET, limit = LIMIT,
      sort_by = "one of id|name|created|updated: What they are sorted by.", sort_order = DIRECTION,
    },
  },
  { "collections.get", "GET /collections/{id}", "One collection.", result = "object", parameters = { id = ID } },
  {
    "collections.update", "PATCH /collections/{id}", "Changes a collection; what is not named stays.", result = "object", parameters = { id = ID },
    body = { name = "string 1..: The new name.", description = "string: What is in it.", visibility = VISIBILITY },
  },
  { "collections.delete", "DELETE /collections/{id}", "Deletes a collection and all that is in it.", result = "object", parameters = { id = ID } },

  -- Documents
  {
    "documents.create", "POST /documents", "Makes a document of a file, or an empty one to be filled with chunks; gives its `id`.",
    result = "object", finish = indexing.finish, max_file = 20 * MIB,
    form = {
      file = "file: The document: pdf, txt, html or md.", name = "string 1..255: Its name; needed where there is no file.",
      collection_id = "integer >0, was collection: The collection that it goes into.", disable_chunking = "boolean: One chunk, whatever its size.",
      chunk_size = "integer 0..: Characters of a chunk; the server's default is 2048.",
      chunk_min_size = "integer 0..: Characters that a chunk has at least.", chunk_overlap = "integer 0..: Characters that two chunks share.",
      is_separator_regex = "boolean: The separators are regular expressions.",
      separators = "list of string: Where to cut; then preset_separators do not count.",
      preset_separators = "one of " .. enums.PRESET_SEPARATORS .. ": Where to cut, by the language of the text.",
      metadata = "metadata: 1 to 10 keys of each chunk: texts, numbers, booleans.",
    },
    own = { wait = "any: true, or seconds: come back when the server has indexed it." },
    rule = function(options)
      if not options.file and not options.name then return "name", "it is needed where there is no file" end
      if options.wait and not options.file then return "wait", "a document without a file has nothing to index" end
    end,
  },
  {
    "documents.list", "GET /documents", "The documents that one may read.", result = "list of object", names = ORDER,
    query = {
      name = "string: Only those of this name.", collection_id = "integer >0: Only those in it.", offset = OFFSET, limit = LIMIT,
      sort_by = "one of id|name|created: What they are sorted by.", sort_order = DIRECTION,
    },
  },
  {
    "documents.get", "GET /documents/{id}", "One document; `chunks` counts what is indexed.", result = "object",
    parameters = { id = "integer 0.., required: Its ID." },
  },
  { "documents.delete", "DELETE /documents/{id}", "Deletes a document and its chunks.", result = "object", parameters = { id = DOCUMENT } },

  -- Chunks
  {
    "chunks.create", "POST /documents/{document_id}/chunks", "Adds chunks to a document, all or none; gives their `ids`, which count from 0.",
    result = "object", parameters = { document_id = DOCUMENT }, prepare = indexing.check_chunks,
    body = { chunks = "list of table, required, 1..64 items: Each {content = text, metadata = {…}}." },
  },
  {
    "chunks.list", "GET /documents/{document_id}/chunks", "The chunks of a document.", result = "list of object",
    parameters = { document_id = DOCUMENT }, query = { offset = OFFSET, limit = LIMIT },
  },
  {
    "chunks.get", "GET /documents/{document_id}/chunks/{chunk_id}", "One chunk.", result = "object",
    parameters = { document_id = DOCUMENT, chunk_id = CHUNK },
  },
  {
    "chunks.delete", "DELETE /documents/{document_id}/chunks/{chunk_id}", "Deletes a chunk.", result = "object",
    parameters = { document_id = DOCUMENT, chunk_id = CHUNK },
  },

  -- Search
  {
    "search", "POST /search", "The chunks that fit a query, best first, in `results`: each {score, method, chunk}.", result = "object",
    inference = true, finish = searching.finish, rule = searching.rule,
    body = searching.with { query = "string 1.., required, was prompt: What is looked for." },
  },
}
