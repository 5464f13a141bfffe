--- The library: collections, documents and chunks, and who may see them.
--
-- Life: `Library.new(index_after)`, then everything in any order. A collection is a user's own; a public one can be
-- read by all. What a user may not see is not there: `collection` and `document` give nil for it.
--
-- Indexing takes no time, so it is played: a document made from a file has no chunks for anybody to see, until it
-- was asked for `index_after` times by `ask`. Chunks that are pushed are there at once, unless their document still
-- waits. Chunk ids are per document, from 0, and are not given twice. All of it is in memory.

local Shelf = require "server.shelf"

local Library = {}
Library.__index = Library

function Library.new(index_after)
  return setmetatable({ collections = Shelf.new(), documents = Shelf.new(), index_after = index_after }, Library)
end

-- Collections -------------------------------------------------------------------------------------------------------

local function may_read(collection, user)
  return collection.user == user.id or collection.visibility == "public"
end

--- A collection that the user may read; with `to_write`, that is the user's own.
function Library:collection(user, id, to_write)
  local collection = self.collections:get(id)
  if not collection or not may_read(collection, user) then return nil end
  return (not to_write or collection.user == user.id) and collection or nil
end

function Library:documents_in(collection)
  return self.documents:select(function(document) return document.collection_id == collection.id end)
end

--- Removes a collection and its documents.
function Library:drop(collection)
  for _, document in ipairs(self:documents_in(collection)) do self.documents:remove(document) end
  self.collections:remove(collection)
end

-- Documents ---------------------------------------------------------------------------------------------------------

--- A new document. `contents` is the list of the texts of its chunks, nil without a file.
function Library:add_document(collection, name, contents, metadata)
  local document = self.documents:add {
    name = name, collection_id = collection.id, chunks = {}, next_chunk = 0, asked = 0,
    waiting = contents ~= nil and self.index_after > 0,
  }
  for _, content in ipairs(contents or {}) do self.push(document, content, metadata) end
  return document
end

--- A document of a collection that the user may read; with `to_write`, that is the user's own.
function Library:document(user, id, to_write)
  local document = self.documents:get(id)
  return document and self:collection(user, document.collection_id, to_write) and document or nil
end

--- Tells a document that it was asked for, and brings its indexing on.
function Library:ask(document)
  document.asked = document.asked + 1
  if document.asked >= self.index_after then document.waiting = false end
end

-- Chunks ------------------------------------------------------------------------------------------------------------

--- One more chunk at the end of a document; gives its id.
function Library.push(document, content, metadata)
  local id = document.next_chunk
  document.next_chunk = id + 1
  table.insert(document.chunks, {
    id = id, document_id = document.id, collection_id = document.collection_id, content = content, metadata = metadata,
    created = os.time(),
  })
  return id
end

--- The chunks that can be seen.
function Library.chunks(document)
  return document.waiting and {} or document.chunks
end

--- The chunk of that id, and its position; nil if there is none to be seen.
function Library.chunk(document, id)
  for position, chunk in ipairs(Library.chunks(document)) do
    if chunk.id == id then return chunk, position end
  end
end

--- The bytes of all chunks of a document.
function Library.size(document)
  local size = 0
  for _, chunk in ipairs(Library.chunks(document)) do size = size + #chunk.content end
  return size
end

-- Splitting ---------------------------------------------------------------------------------------------------------

--- A text in pieces of `size` characters, each beginning with the last `overlap` of the one before; whole for 0.
function Library.split(text, size, overlap)
  local length = utf8.len(text)
  if not length then -- no UTF-8: bytes count as characters
    text = text:gsub("[\x80-\xFF]", "?")
    length = #text
  end
  if size == 0 or length <= size then return length > 0 and { text } or {} end
  local step, pieces = math.max(1, size - overlap), {}
  for first = 1, length, step do
    local last = math.min(length, first + size - 1)
    pieces[#pieces + 1] = text:sub(utf8.offset(text, first), utf8.offset(text, last + 1) - 1)
    if last == length then break end
  end
  return pieces
end

return Library
