-- Retrieval: a document goes in, the model answers from it.
--   OGL_URL=… OGL_TOKEN=… lua5.4 examples/rag.lua FILE "question"
local ogl = require "opengatellm"

local path, question = assert(arg[1], "which file?"), assert(arg[2], "which question?")
local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local collection = assert(client.collections:create { name = "example " .. os.date "%Y-%m-%d %H:%M" })
assert(client.documents:create { file = path, collection_id = collection.id, wait = true })

local found = assert(client:search { query = question, collection_ids = { collection.id }, limit = 5 })
local passages = {}
for i, hit in ipairs(found.results) do passages[i] = ("[%d] %s"):format(i, hit.chunk.content) end

local reply = assert(client:chat {
  messages = {
    ogl.system("Answer from these passages alone, and name them:\n\n" .. table.concat(passages, "\n\n")),
    ogl.user(question),
  },
})
print(reply.text)
assert(client.collections:delete(collection.id))
