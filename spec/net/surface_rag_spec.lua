-- Collections, documents, chunks and search at each version of OpenGateLLM: its own up to 0.4, and from 0.5 on OpenGateRAG's, at the
-- same address or at another (rag_url). The versions, and how to run this against a real instance: spec/net/surface.lua.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local surface = require "spec.net.surface"

local fails, filter = surface.fails, ogl.filter

-- Things ----------------------------------------------------------------------------------------------------------

-- The answer of retrieval. A real instance may have none.
local function of_retrieval(at, answer, err)
  if at.live and err and err.code == "route_not_found" then surface.skip "its OpenGateRAG is elsewhere: OGL_TEST_RAG_URL is not set" end
  return assert(answer, tostring(err))
end

-- A collection that is gone when the case is over.
local function new_collection(at, fields)
  fields = fields or {}
  fields.name = fields.name or "surface-" .. helper.id()
  local id = of_retrieval(at, at.client.collections:create(fields)).id
  at:later(function() at.client.collections:delete(id) end)
  return id, fields.name
end

-- A client whose pauses take no time, and the host that counts them.
local function hurried(at)
  local host = helper.simulated_host()
  return at.live and at.client or at:other { host = host }, host
end

local LAWS = {
  { content = "Le code civil parle du mariage.", metadata = { kind = "loi", title = "Code civil", page = 1, old = true } },
  { content = "Le code du travail parle du contrat.", metadata = { kind = "loi", title = "Code du travail", page = 2, old = false } },
  { content = "Un décret parle du contrat et du mariage.", metadata = { kind = "décret", title = "Décret", page = 3, old = false } },
  { content = "Rien à voir." },
}

-- A document of those chunks: collection, document.
local function laws(at)
  local collection = new_collection(at)
  local document = assert(at.client.documents:create { name = "laws", collection_id = collection }).id
  assert(at.client.chunks:create(document, { chunks = LAWS }))
  local function are_found() -- a real index takes a moment
    return #assert(at.client:search { query = "contrat", collection_ids = { collection } }).results == #LAWS
  end
  assert.is_true(helper.eventually(are_found))
  return collection, document
end

local function ids_of(results)
  local ids = {}
  for i, hit in ipairs(results) do ids[i] = hit.chunk.id end
  table.sort(ids)
  return ids
end

-- Cases -----------------------------------------------------------------------------------------------------------

local CASES = {
  { "lists what may be read", "read", function(at)
    local collections = of_retrieval(at, at.client.collections:list { limit = 5 })
    for _, collection in ipairs(collections) do assert.same({ "number", "string" }, { type(collection.id), type(collection.name) }) end
    for _, document in ipairs(assert(at.client.documents:list { limit = 5 })) do assert.is_number(document.collection_id) end
    if collections[1] then assert.equal(collections[1].name, assert(at.client.collections:get(collections[1].id)).name) end
  end },

  { "has collections that live", "write", function(at)
    local id, name = new_collection(at, { description = "What it is." })
    local collection = assert(at.client.collections:get(id))
    assert.same({ name, "What it is.", "private", 0 }, { collection.name, collection.description, collection.visibility, collection.documents })
    assert.same({ id }, surface.pluck(assert(at.client.collections:list { name = name, visibility = "private" }), "id"))
    assert(at.client.collections:update(id, { description = "Something else." }))
    collection = assert(at.client.collections:get(id))
    assert.same({ name, "Something else.", "private" }, { collection.name, collection.description, collection.visibility })
    assert(at.client.collections:delete(id))
    fails("http", "collection_not_found", at.client.collections:get(id))
  end },

  { "has them in order, a page at a time, and for their owner", function(at)
    local ids = {}
    for i = 1, 5 do ids[i] = new_collection(at) end
    local page = assert(at.client.collections:list { sort_by = "id", sort_order = "desc", limit = 2, offset = 1 })
    assert.same({ ids[4], ids[3] }, surface.pluck(page, "id"))
    local all = surface.pluck(surface.all(at.client.collections:each { limit = 2 }), "id")
    assert.same(ids, { (table.unpack or unpack)(all, #all - 4) })
    fails("http", "collection_not_found", at.admin.collections:get(ids[1]))
    fails("auth", "not_permitted", at.client.collections:create { name = "x", visibility = "public" })
    local public = assert(at.admin.collections:create { name = helper.id(), visibility = "public" }).id
    at:later(function() at.admin.collections:delete(public) end)
    assert.equal("public", assert(at.client.collections:get(public)).visibility)
  end },

  { "makes documents of files, and waits until they are found", "write", function(at)
    local client, host = hurried(at)
    local collection = new_collection(at)
    local document = assert(client.documents:create {
      file = { data = "Le chat dort. Le chien court. Le loup hurle.", name = "animals.txt" }, collection_id = collection, wait = true,
      chunk_size = 15, chunk_min_size = 1, chunk_overlap = 0, is_separator_regex = false, separators = { ".", "\n" },
      preset_separators = "markdown", disable_chunking = false, metadata = { kind = "animals", pages = 1, ratio = 0.5, wild = true },
    })
    assert.same({ "animals.txt", collection }, { document.name, document.collection_id })
    assert.is_true(document.chunks > 0)
    if not at.live then assert.same({ 0.25, 0.5 }, host.waits) end
    local chunks = assert(client.chunks:list(document.id))
    assert.equal(document.chunks, #chunks)
    assert.same({ "animals", 1, 0.5, true }, { chunks[1].metadata.kind, chunks[1].metadata.pages, chunks[1].metadata.ratio, chunks[1].metadata.wild })
    local found = assert(client:search { query = "chien", collection_ids = { collection }, limit = 1 })
    assert.equal(document.id, found.results[1].chunk.document_id)
    assert.same({ document.id }, surface.pluck(assert(client.documents:list { collection_id = collection, name = "animals.txt" }), "id"))
    assert(client.documents:delete(document.id))
    fails("http", "document_not_found", client.documents:get(document.id))
  end },

  { "takes them by path, by reader and whole, under a name of their own", function(at)
    local client, text = hurried(at), ("Le chat dort. "):rep(300)
    local collection, path = new_collection(at), helper.directory() .. "/" .. helper.id() .. ".md"
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local rest = text
    local sources = { path, { data = text, name = "a.html" }, { name = "b.txt", read = function()
      local piece = rest:sub(1, 1000)
      rest = rest:sub(1001)
      return piece ~= "" and piece or nil
    end } }
    for _, source in ipairs(sources) do
      local document = assert(client.documents:create { file = source, name = "named", collection_id = collection, disable_chunking = true, wait = 30 })
      assert.same({ "named", 1 }, { document.name, document.chunks })
      assert.equal(text, assert(client.chunks:get(document.id, 0)).content)
    end
    assert.equal(3, assert(client.collections:get(collection)).documents)
  end },

  { "says when a document is not indexed in time", function(at)
    local client = hurried(at)
    local file = { data = "Le chat dort.", name = "a.txt" }
    local err = fails("timeout", "not_indexed", client.documents:create { file = file, collection_id = new_collection(at), wait = 0.1 })
    assert.is_number(assert(client.documents:get(err.partial.id)).id) -- it was made, and has no chunks yet
  end },

  { "fills documents with chunks, and walks through more than a page has", function(at)
    local client, collection = at.client, new_collection(at)
    local id = assert(client.documents:create { name = "empty", collection_id = collection }).id
    assert.same({ "empty", 0 }, { assert(client.documents:get(id)).name, assert(client.documents:get(id)).chunks })
    for from = 0, 105, 35 do
      local chunks = {}
      for i = from, from + 34 do chunks[#chunks + 1] = { content = "chunk " .. i, metadata = { number = i } } end
      local ids = assert(client.chunks:create(id, { chunks = chunks })).ids
      assert.same({ from, from + 34, 35 }, { ids[1], ids[35], #ids })
    end
    local sent = at:sent(function() assert.equal(140, #surface.all(client.chunks:each(id))) end)
    assert.equal(2, #sent)
    local all = surface.all(client.chunks:each(id, { limit = 20, offset = 30 }))
    assert.same({ 110, 30, 139 }, { #all, all[1].id, all[110].metadata.number })
    assert(client.chunks:delete(id, 0))
    fails("http", "chunk_not_found", client.chunks:get(id, 0))
    assert.same({ 139, 1 }, { assert(client.documents:get(id)).chunks, assert(client.chunks:list(id, { limit = 1 }))[1].id })
  end },

  { "walks through documents", function(at)
    local collection, ids = new_collection(at), {}
    for i = 1, 105 do ids[i] = assert(at.client.documents:create { name = "document " .. i, collection_id = collection }).id end
    assert.same(ids, surface.pluck(surface.all(at.client.documents:each { collection_id = collection }), "id"))
    local page = assert(at.client.documents:list { collection_id = collection, sort_by = "id", sort_order = "desc", limit = 2 })
    assert.same({ ids[105], ids[104] }, surface.pluck(page, "id"))
  end },

  { "finds by meaning, by words and by both", "write", function(at)
    local collection = laws(at)
    for _, method in ipairs { "semantic", "lexical", "hybrid" } do
      local found = assert(at.client:search {
        query = "contrat mariage", collection_ids = { collection }, method = method, limit = 2, rff_k = method == "hybrid" and 20 or nil,
      })
      assert.equal(2, #found.results)
      assert.equal(method, found.results[1].method)
      assert.is_true(found.results[1].score >= found.results[2].score)
      if found.usage then assert.is_number(found.usage.input_tokens) end
    end
  end },

  { "ranks, cuts and pages what it finds", function(at)
    local collection, document = laws(at)
    local function search(options)
      options.query, options.collection_ids = "contrat mariage", { collection }
      return assert(at.client:search(options)).results
    end
    assert.equal("Un décret parle du contrat et du mariage.", search({ method = "hybrid" })[1].chunk.content)
    assert.same({ 0, 1, 2 }, ids_of(search { method = "lexical" }))
    assert.same({ 2 }, ids_of(search { score_threshold = 0.9, method = "semantic" }))
    assert.equal(2, #search { offset = 2 })
    assert.same({ 0, 1, 2, 3 }, ids_of(search { document_ids = { document } }))
    local found = assert(at.client:search { query = "contrat", collection_ids = { collection } })
    surface.check_usage(found.usage)
    assert.equal(at.rag_inside and 1 or nil, found.usage.requests)
  end },

  { "finds by what chunks are marked with", "write", function(at)
    local collection = laws(at)
    local f = filter
    for _, row in ipairs {
      { f.eq("kind", "loi"), { 0, 1 } }, { f.eq("page", 3), { 2 } }, { f.starts_with("title", "Code"), { 0, 1 } },
      { f.ends_with("title", "travail"), { 1 } }, { f.contains("title", "cr"), { 2 } },
      { f.all { f.eq("kind", "loi"), f.contains("title", "civil") }, { 0 } },
      { f.any { f.eq("page", 1), f.eq("page", 3) }, { 0, 2 } },
      { f.all { f.starts_with("title", "Code"), f.ends_with("title", "civil"), f.contains("title", "de"), f.eq("page", 2) }, {} },
    } do
      local found = assert(at.client:search { query = "contrat", collection_ids = { collection }, metadata_filters = row[1] })
      assert.same(row[2], ids_of(found.results))
    end
  end },

  { "takes the names of old", function(at)
    local collection, document = laws(at)
    local found = assert(at.client:search { prompt = "contrat", collections = { collection }, method = "lexical" })
    assert.same({ 1, 2 }, ids_of(found.results))
    local id = assert(at.client.documents:create { name = "old", collection = collection }).id
    assert.equal(collection, assert(at.client.documents:get(id)).collection_id)
    assert.is_true(id > document)
  end },

  { "refuses what it does not have, and what is wrong", function(at)
    local client, collection = at.client, new_collection(at)
    fails("http", "collection_not_found", client:search { query = "x", collection_ids = { 99999 } })
    fails("http", "document_not_found", client.documents:get(99999))
    fails("http", "document_not_found", client.chunks:list(99999))
    fails("http", "collection_not_found", client.documents:create { name = "x", collection_id = 99999 })
    fails("http", "unsupported_file_type", client.documents:create { file = { data = "x", name = "a.zip" }, collection_id = collection })
    local sent = at:sent(function()
      fails("invalid", "invalid", client:search { query = "x", method = "hybrid", score_threshold = 0.5 })
      fails("invalid", "invalid", client:search { query = "x", metadata_filters = filter.all { filter.eq("a", 1) } })
      fails("invalid", "invalid", client:search { query = "x", limit = 101 })
      fails("invalid", "invalid", client.documents:create { collection_id = collection })
      fails("invalid", "invalid", client.documents:create { name = "x", collection_id = collection, metadata = {} })
      fails("invalid", "invalid", client.documents:create { name = "x", collection_id = collection, wait = true })
      fails("invalid", "invalid", client.chunks:create(1, { chunks = {} }))
      fails("file", nil, client.documents:create { file = "/no/such/file.txt", collection_id = collection })
    end)
    assert.same({}, sent)
    fails("auth", "invalid_api_key", at:other { api_key = "sk-invalid-surface-0123" }.collections:list())
  end },

  { "has the routes of old", only = "legacy", function(at)
    local _, document = laws(at)
    assert.same({ 0, 1, 2, 3 }, surface.pluck(assert(at.client.legacy:chunks(document)), "id"))
    assert.same({ 2, 3 }, surface.pluck(surface.all(at.client.legacy:each_chunks(document, { offset = 2, limit = 1 })), "id"))
    assert.equal(LAWS[2].content, assert(at.client.legacy:chunk(document, 1)).content)
    local parsed = assert(at.client.legacy:parse { file = { data = "%PDF /Type /Page /Type /Page ", name = "a.pdf" }, page_range = "1", force_ocr = true })
    assert.same({ "Page 2" }, surface.pluck(parsed.data, "content"))
  end },
}

-- Search in a chat ------------------------------------------------------------------------------------------------

local CHAT_CASES = {
  { "searches first, where the server does", function(at)
    local question = { messages = { ogl.user "Un décret ?" }, search = { method = "lexical", limit = 1 } }
    if at.chat_search == "plays" then
      question.search.collection_ids = { (laws(at)) }
      local whole, stream = assert(at.client:chat(question)), assert(at.client:stream(question))
      for _, reply in ipairs { whole, assert(stream:reply()) } do
        assert.equal(LAWS[3].content, reply.search_results[1].chunk.content)
        assert.equal("stop", reply.finish_reason)
      end
    elseif at.chat_search == "refuses" then
      fails("auth", "feature_disabled", at.client:chat(question))
    else
      local sent = at:sent(function()
        for _, method in ipairs { "chat", "stream" } do
          local err = fails("unsupported", "version", at.client[method](at.client, question))
          assert.is_true(err.message:find("before 0.9", 1, true) ~= nil and err.message:find("client:search", 1, true) ~= nil)
        end
      end)
      assert.same({}, sent)
    end
    question.search = { method = "lexical", score_threshold = 0.5 }
    fails("invalid", "invalid", at.client:chat(question))
  end },
}

-- Without OpenGateRAG ---------------------------------------------------------------------------------------------

local WITHOUT_CASES = {
  { "says where retrieval is", unless = "rag_inside", function(at)
    local client = helper.client_of(surface.address("--version " .. at.version))
    for _, answer in ipairs {
      { client.collections:list() }, { client:search { query = "x" } }, { client.documents:get(1) }, { client.chunks:list(1) },
      { client.documents:create { file = { data = "x", name = "a.txt" }, collection_id = 1 } },
    } do
      local err = fails("http", "route_not_found", answer[1], answer[2])
      assert.is_true(err.message:find("rag_url", 1, true) ~= nil)
    end
  end },
}

surface.skip = function(reason) return pending(reason) end
teardown(surface.stop)
surface.cases("Retrieval", CASES)
surface.cases("Retrieval apart", CASES, true)
surface.cases("The chat", CHAT_CASES)
surface.cases("No retrieval", WITHOUT_CASES)
