-- Which sentence is nearest? Vectors as packed float32 take an eighth of a table's memory; core.floats unpacks one.
local core = require "opengatellm.core"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_EMBEDDING_MODEL" or "bge-m3" }
local texts = { "Le chat dort.", "Un félin se repose.", "La bourse a baissé." }
local answer, err = client:embeddings { input = texts, packed = true }
if not answer then
  print(err)
  os.exit(1)
end

local function cosine(a, b)
  local dot, x, y = 0, 0, 0
  for i = 1, #a do dot, x, y = dot + a[i] * b[i], x + a[i] ^ 2, y + b[i] ^ 2 end
  return dot / math.sqrt(x * y)
end

local first = core.floats(answer.vectors[1])
for i = 2, #texts do print(("%.3f  %s"):format(cosine(first, core.floats(answer.vectors[i])), texts[i])) end
