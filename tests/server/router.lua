--- The router: from a method and a path to the function that answers.
--
-- Life: `Router.new(rows)`, then `find` for each request. A row is `{ method, template, handler, … }`; a row with `off`
-- is not there. In a template `{name}` is an integer, `{name:path}` a text that may have slashes. `find` gives the row
-- and the values, or nil and whether the path exists with another method. `paths` is what an OpenAPI document says of
-- the rows. It keeps the rows and nothing of a request.

local check = require "server.check"
local json = require "server.json"

local Router = {}
Router.__index = Router

--- A template as a pattern, and the names of its integers.
local function compile(template)
  local names = {}
  local pattern = template:gsub("[%-%.]", "%%%0"):gsub("{([%w_:]+)}", function(name)
    if name:find(":path$") then return "(.+)" end
    names[#names + 1] = name
    return "([^/]+)"
  end)
  return "^" .. pattern .. "$", names
end

function Router.new(rows)
  local router = setmetatable({ rows = {} }, Router)
  for _, row in ipairs(rows) do
    if not row.off then
      local pattern, names = compile(row[2])
      router.rows[#router.rows + 1] = { row = row, pattern = pattern, names = names }
    end
  end
  return router
end

--- The row that answers, and the captures of its path, still as texts.
function Router:find(method, path)
  local is_known = false
  for _, each in ipairs(self.rows) do
    local captures = { path:match(each.pattern) }
    if captures[1] and each.row[1] == method then return each, captures end
    is_known = is_known or captures[1] ~= nil
  end
  return nil, is_known
end

--- The values of a path: integers where the template has them; refuses what is none.
function Router.values(found, captures)
  for position, name in ipairs(found.names) do
    local number = math.tointeger(tonumber(captures[position]))
    if not number then
      check.fail("int_parsing", { "path", name },
        "Input should be a valid integer, unable to parse string as an integer", captures[position])
    end
    captures[position] = number
  end
  return captures
end

--- What `paths` of an OpenAPI document holds: names, methods, parameters of the path, the status 200.
function Router:paths()
  local paths, order = {}, json.record()
  for _, each in ipairs(self.rows) do
    local path = each.row[2]:gsub(":path}", "}")
    if not paths[path] then
      paths[path] = {}
      order = json.extend(order, path, paths[path])
    end
    paths[path][each.row[1]:lower()] = json.record("summary", each.row[1] .. " " .. path,
      "responses", json.record("200", json.record("description", "Successful Response")))
  end
  return order
end

return Router
