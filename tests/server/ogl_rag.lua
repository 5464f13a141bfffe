--- Collections, documents, chunks and search of the played server: OGL's own up to 0.4.x, OpenGateRAG's since.
--
-- The things are in library.lua, the search in search.lua. A text file is cut into chunks by its characters alone,
-- whatever the separators; a PDF is taken for the text of its name and size.

local check = require "server.check"
local cjson = require "cjson.safe"
local json = require "server.json"
local listing = require "server.listing"
local multipart = require "server.multipart"
local refusal = require "server.refusal"
local script = require "server.script"
local search = require "server.search"

local MOST_BYTES = 20 * 1024 * 1024
local VISIBILITIES = { "private", "public" }

-- Collections -------------------------------------------------------------------------------------------------------

local CREATE_COLLECTION = {
  { "name", "string", required = true, min = 1, trim = true },
  { "description", "string", null = true },
  { "visibility", "enum", values = VISIBILITIES, default = "private" },
}

local UPDATE_COLLECTION = {
  { "name", "string", null = true, min = 1, trim = true },
  { "description", "string", null = true },
  { "visibility", "enum", values = VISIBILITIES, null = true },
}

local function find_collection(call, id, to_write)
  return call.play.library:collection(call.user, id, to_write) or refusal.refuse(404, "Collection not found.")
end

local function size_of(library, collection)
  local size = 0
  for _, document in ipairs(library:documents_in(collection)) do size = size + library.size(document) end
  return math.ceil(size / 4)
end

local function collection_json(call, collection)
  local library, sizes = call.play.library, call.dialect.rag_sizes
  local owner = call.play.accounts.users:get(collection.user)
  return json.record("object", "collection", "id", collection.id, "name", collection.name,
    "owner", owner and owner.name or "", "description", collection.description, "visibility", collection.visibility,
    "created", collection.created, "updated", collection.updated, "documents", #library:documents_in(collection),
    sizes and "size" or nil, sizes and size_of(library, collection))
end

--- Public collections are for those who have the permission, and since that is gone for administrators.
local function check_visibility(call, visibility)
  local permission = call.dialect.public_permission and "create_public_collection" or "admin"
  if visibility == "public" and not call.play.accounts:may(call.user, permission) then
    refusal.refuse(403, "Missing permission to update collection visibility to public.")
  end
end

local function create_collection(call)
  local body = check.body(call.request, CREATE_COLLECTION)
  check_visibility(call, body.visibility)
  local collection = call.play.library.collections:add {
    name = body.name, description = body.description, visibility = body.visibility, user = call.user.id,
  }
  call:answer(201, json.record("id", collection.id))
end

local function list_collections(call)
  local view = listing.view(call, "collections", { "id", "name", "created", "updated" }, {
    { "name", "string" }, { "visibility", "enum", values = VISIBILITIES, null = true },
  })
  local library = call.play.library
  listing.answer(call, "collections", library.collections, view, function(collection)
    return library:collection(call.user, collection.id) and (not view.name or collection.name == view.name)
      and (not view.visibility or collection.visibility == view.visibility)
  end, function(collection) return collection_json(call, collection) end)
end

local function get_collection(call, id)
  call:answer(200, collection_json(call, find_collection(call, id)))
end

local function update_collection(call, id)
  local body = check.body(call.request, UPDATE_COLLECTION)
  local collection = find_collection(call, id, true)
  check_visibility(call, body.visibility)
  for _, field in ipairs(UPDATE_COLLECTION) do
    if body[field[1]] ~= nil then collection[field[1]] = body[field[1]] end
  end
  call.play.library.collections.touch(collection)
  call:none()
end

local function delete_collection(call, id)
  call.play.library:drop(find_collection(call, id, true))
  call:none()
end

-- Metadata ----------------------------------------------------------------------------------------------------------

local METADATA_KINDS = {
  { "string_type", "valid string", "constrained-str" }, { "int_type", "valid integer", "constrained-int" },
  { "float_type", "valid number", "constrained-float" }, { "bool_type", "valid boolean", "bool" },
}

--- What is wrong with a value of metadata, as a list of complaints of check.lua; empty if nothing is.
local function value_problems(value, loc)
  local problems, kind = {}, type(value)
  local function complain(word, where, words, context)
    problems[#problems + 1] = json.record("type", word, "loc", json.list(where), "msg", words, "input", value,
      context and "ctx" or nil, context)
  end
  if kind == "string" and value == "" then
    complain("string_too_short", loc, "String should have at least 1 character", json.record("min_length", 1))
  elseif kind == "string" and utf8.len(value) and utf8.len(value) > 255 then
    complain("string_too_long", loc, "String should have at most 255 characters", json.record("max_length", 255))
  elseif kind == "number" and math.abs(value) >= 1e16 then
    complain("less_than", loc, "Input should be less than 1e16", json.record("lt", json.float(1e16)))
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    for _, row in ipairs(METADATA_KINDS) do
      local where = table.move(loc, 1, #loc, 1, {})
      where[#where + 1] = row[3]
      complain(row[1], where, "Input should be a " .. row[2])
    end
  end
  return problems
end

--- Refuses metadata that is not 1 to 10 properties of simple values. `loc` is where it stands.
local function check_metadata(metadata, loc)
  if type(metadata) ~= "table" or metadata[1] ~= nil then
    check.fail("dict_type", loc, "Input should be a valid dictionary", metadata)
  end
  local names = {}
  for name in pairs(metadata) do names[#names + 1] = name end
  table.sort(names)
  if #names < 1 or #names > 10 then
    local few = #names < 1
    check.fail(few and "too_short" or "too_long", loc,
      ("Dictionary should have at %s after validation, not %d"):format(few and "least 1 item" or "most 10 items", #names),
      metadata, json.record("field_type", "Dictionary", few and "min_length" or "max_length", few and 1 or 10,
        "actual_length", #names))
  end
  local problems = {}
  for _, name in ipairs(names) do
    local where = table.move(loc, 1, #loc, 1, {})
    where[#where + 1] = name
    for _, problem in ipairs(value_problems(metadata[name], where)) do problems[#problems + 1] = problem end
  end
  if #problems > 0 then refusal.invalid(problems) end
end

-- Documents ---------------------------------------------------------------------------------------------------------

local ENDINGS = { txt = true, md = true, html = true, htm = true, pdf = true }

local DOCUMENT = {
  { "name", "string", min = 1, max = 255 },
  { "disable_chunking", "boolean", default = false },
  { "chunk_size", "integer", min = 0, default = 2048 }, { "chunk_min_size", "integer", min = 0, default = 0 },
  { "chunk_overlap", "integer", min = 0, default = 0 }, { "is_separator_regex", "boolean", default = false },
  { "separators", "list", of = { nil, "string" }, default = {} },
  { "preset_separators", "enum", default = "markdown", values = {
    "cpp", "go", "java", "kotlin", "js", "ts", "php", "proto", "python", "r", "rst", "ruby", "rust", "scala", "swift",
    "markdown", "latex", "html", "sol", "csharp", "cobol", "c", "lua", "perl", "haskell", "elixir", "powershell",
    "visualbasic6",
  } },
  { "metadata", "string", default = "" },
}

--- The fields of a form, with the id of the collection, which had another name in 0.4.x.
local function document_fields(dialect)
  local fields = { { "collection_id", "integer", required = not dialect.old_search_names, above = 0 } }
  if dialect.old_search_names then fields[2] = { "collection", "integer", above = 0 } end
  return table.move(DOCUMENT, 1, #DOCUMENT, #fields + 1, fields)
end

local function find_document(call, id, to_write)
  return call.play.library:document(call.user, id, to_write) or refusal.refuse(404, "Document not found.")
end

local function document_json(call, document)
  local library, sizes = call.play.library, call.dialect.rag_sizes
  return json.record("object", "document", "id", document.id, "name", document.name,
    "collection_id", document.collection_id, "created", document.created, "chunks", #library.chunks(document),
    sizes and "size" or nil, sizes and math.ceil(library.size(document) / 4))
end

local function read_metadata(text)
  if text == "" then return nil end
  local metadata = cjson.decode(text)
  if metadata == nil then refusal.refuse(422, "Invalid JSON format.") end
  check_metadata(metadata, { "body", "metadata" })
  return metadata
end

--- The texts of the chunks that a file becomes.
local function contents_of(call, form)
  local file = form.file
  local ending = file.filename:lower():match("%.(%w+)$")
  if #file.data > MOST_BYTES then refusal.refuse(413, call.dialect.texts.file_size, #file.data / 1e6) end
  if not ENDINGS[ending or ""] then refusal.refuse(422, "Unsupported file type.") end
  local text = ending == "pdf" and ("%s: %d octets."):format(file.filename, #file.data) or file.data
  return call.play.library.split(text, form.disable_chunking and 0 or form.chunk_size, form.chunk_overlap)
end

local function create_document(call)
  local form = multipart.values(call.request, document_fields(call.dialect))
  local id = form.collection_id or form.collection
  if not id then check.fail("missing", { "body", "collection_id" }, "Field required", json.null) end
  local file = type(form.file) == "table" and form.file or nil
  if not file and not form.name then
    check.fail("value_error", { "body", "name" }, "Value error, name is required when there is no file", json.null)
  end
  local metadata = read_metadata(form.metadata)
  local collection = find_collection(call, id, true)
  local contents = file and contents_of(call, form)
  local document = call.play.library:add_document(collection, form.name or file.filename, contents, metadata)
  call:answer(201, json.record("id", document.id))
end

local function list_documents(call)
  local view = listing.view(call, "documents", { "id", "name", "created" }, {
    { "name", "string" }, { "collection_id", "integer", above = 0, null = true },
  })
  if view.collection_id then find_collection(call, view.collection_id) end
  local library = call.play.library
  listing.answer(call, "documents", library.documents, view, function(document)
    return library:document(call.user, document.id) and (not view.name or document.name == view.name)
      and (not view.collection_id or document.collection_id == view.collection_id)
  end, function(document) return document_json(call, document) end)
end

local function get_document(call, id)
  local document = find_document(call, id)
  call.play.library:ask(document)
  call:answer(200, document_json(call, document))
end

local function delete_document(call, id)
  call.play.library.documents:remove(find_document(call, id, true))
  call:none()
end

-- Chunks ------------------------------------------------------------------------------------------------------------

local CHUNKS = {
  { "chunks", "list", required = true, min = 1, max = 64, of = { nil, "object", fields = {
    { "content", "string", required = true, min = 1 }, { "metadata", "any", null = true },
  } } },
}

local function create_chunks(call, id)
  local body = check.body(call.request, CHUNKS)
  local size = 0
  for position, chunk in ipairs(body.chunks) do
    if chunk.metadata ~= nil then check_metadata(chunk.metadata, { "body", "chunks", position - 1, "metadata" }) end
    size = size + #chunk.content
  end
  if size > MOST_BYTES then
    refusal.refuse(413, "Total chunks content size limit exceeded (max: %d bytes).", MOST_BYTES)
  end
  local document, ids = find_document(call, id, true), json.list()
  for position, chunk in ipairs(body.chunks) do
    ids[position] = call.play.library.push(document, chunk.content, chunk.metadata)
  end
  call:answer(201, json.record("document_id", document.id, "ids", ids))
end

local function list_chunks(call, id)
  local view = check.query(call.request, {
    { "offset", "integer", default = 0 }, { "limit", "integer", default = 10, min = 1, max = 100 },
  })
  local chunks, list = call.play.library.chunks(find_document(call, id)), json.list()
  for position = view.offset + 1, math.min(#chunks, view.offset + view.limit) do
    list[#list + 1] = search.chunk_json(chunks[position])
  end
  call:answer(200, json.record("object", "list", "data", list))
end

local function find_chunk(call, document, id)
  local chunk, position = call.play.library.chunk(document, id)
  if chunk then return chunk, position end
  refusal.refuse(404, "Chunk not found.")
end

local function get_chunk(call, document_id, id)
  call:answer(200, search.chunk_json((find_chunk(call, find_document(call, document_id), id))))
end

local function delete_chunk(call, document_id, id)
  local document = find_document(call, document_id, true)
  local _, position = find_chunk(call, document, id)
  table.remove(document.chunks, position)
  call:none()
end

-- Search ------------------------------------------------------------------------------------------------------------

--- A search without a question goes to the model for embeddings, whose complaint comes back.
local function refuse_no_query(dialect)
  if dialect.rag_inside then
    check.fail("missing", { "body", "query" }, "Field required", json.null)
  end
  check.fail("string_type", { "body", "input", "str" }, "Input should be a valid string", json.null)
end

local function run_search(call)
  local values = check.object(call.request)
  if call.dialect.old_search_names then search.rename(values) end
  local arguments = check.values(values, search.FIELDS)
  if not arguments.query then refuse_no_query(call.dialect) end
  local list = search.run(call, arguments)
  local tokens = arguments.method ~= "lexical" and script.estimate(arguments.query) or 0
  local kind = call.dialect.rag_inside and call.dialect.usage_others or "lean"
  local endpoint = call.dialect.rag_inside and "/v1/search" or "/v1/embeddings"
  if tokens > 0 then
    call.play.ledger:enter(call, call.play.fleet:any("text-embeddings-inference"), { tokens, 0 }, endpoint)
  end
  call:answer(200, json.record("object", "list", "data", list,
    "usage", json.raw(script.usage(kind, { 0.0, 0.0 }, tokens, 0))))
end

local ROUTES = {
  { "POST", "/v1/collections", create_collection }, { "GET", "/v1/collections", list_collections },
  { "GET", "/v1/collections/{id}", get_collection }, { "PATCH", "/v1/collections/{id}", update_collection },
  { "DELETE", "/v1/collections/{id}", delete_collection },
  { "POST", "/v1/documents", create_document }, { "GET", "/v1/documents", list_documents },
  { "GET", "/v1/documents/{id}", get_document }, { "DELETE", "/v1/documents/{id}", delete_document },
  { "POST", "/v1/documents/{id}/chunks", create_chunks }, { "GET", "/v1/documents/{id}/chunks", list_chunks },
  { "GET", "/v1/documents/{id}/chunks/{chunk_id}", get_chunk },
  { "DELETE", "/v1/documents/{id}/chunks/{chunk_id}", delete_chunk },
  { "POST", "/v1/search", run_search },
}

return function(dialect)
  local routes = table.move(ROUTES, 1, #ROUTES, 1, {})
  routes[#routes + 1] = { "GET", "/v1/chunks/{id}", list_chunks, off = not dialect.rag_inside }
  routes[#routes + 1] = { "GET", "/v1/chunks/{id}/{chunk_id}", get_chunk, off = not dialect.rag_inside }
  for _, row in ipairs(routes) do row.rag = true end
  return routes
end
