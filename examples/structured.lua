-- A recipe as a table that fills while the model writes it, drawn anew in the terminal with each piece.
-- usage: OGL_URL=… OGL_TOKEN=… lua structured.lua "dish"
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local recipe = s.object {                        -- in the order in which the model shall think
  { "name", s.string() },
  { "ingredients", s.array(s.object { { "what", s.string() }, { "amount", s.string "with its unit" } }, { min_items = 1 }) },
  { "steps", s.array(s.string()) },
  { "minutes", s.integer { description = "from the first step to the table", min = 1 } },
}

-- The lines of a recipe of which any part may still be missing.
local function lines_of(value)
  local lines = { value.name or "…" }
  for _, each in ipairs(value.ingredients or {}) do lines[#lines + 1] = ("  %-12s %s"):format(each.amount or "…", each.what or "") end
  for i, step in ipairs(value.steps or {}) do lines[#lines + 1] = ("%3d. %s"):format(i, step) end
  if value.minutes then lines[#lines + 1] = value.minutes .. " minutes" end
  return lines
end

local WIDTH = 78 -- characters; a line that a terminal breaks would be two to go back over

local function cut(line)
  local count = 0
  return (line:gsub("[^\128-\191][\128-\191]*", function(character)
    count = count + 1
    return count <= WIDTH and character or ""
  end))
end

local drawn = 0 -- lines

local function draw(value)
  if drawn > 0 then io.write(("\27[%dA\27[J"):format(drawn)) end -- back to the first line, and all below it away
  local lines = lines_of(value)
  for _, line in ipairs(lines) do io.write(cut(line), "\n") end
  io.flush()
  drawn = #lines
end

local stream, err = client:stream {
  messages = "Donne la recette de ce plat : " .. (arg[1] or "quiche lorraine"), output = recipe, max_tokens = 2000,
}
if not stream then
  print(err)
  os.exit(1)
end
local fine, problem = pcall(function()
  for value in stream:outputs() do draw(value) end
end)
if not fine then
  print(problem) -- a recipe that was cut, or that is none: problem.problems says where
  os.exit(1)
end
print(("%d ingredients, %d steps"):format(#stream:reply().output.ingredients, #stream:reply().output.steps))
