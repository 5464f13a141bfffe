-- The pages: what is made of the operations' rows is what the rows say now, every Lua block of a page runs and prints what the page says,
-- and a link between pages leads somewhere.

local blocks = require "spec.support.blocks"
local environment = require "spec.support.environment"
local helper = require "spec.helper"

local function files(pattern)
  local pipe, list = assert(io.popen("ls " .. pattern .. " 2>/dev/null")), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

describe("the documentation of the operations", function()
  it("is up to date", function()
    local status = os.execute(os.getenv "OGL_LUA" .. " docs/generate.lua --check")
    assert.is_true(status == true or status == 0, "make docs")
  end)

  it("is a page that names every operation, and types that load", function()
    local text = helper.read "docs/operations.md"
    for _, operation in ipairs(require "opengatellm.operations.registry".all()) do
      local call = require "opengatellm.operations.invocation".where(operation.name)
      assert.truthy(text:find("### `" .. call .. "(", 1, true), call)
    end
    assert(loadfile "lua/opengatellm/types.lua")
  end)
end)

-- How many Lua blocks of a page are marked "norun": they need another program (Neovim, nginx, a server of another provider), or are a
-- part of something. The number is here so that it cannot grow unseen.
local NORUN = {
  ["CONTRIBUTING.md"] = 3, ["docs/testing.md"] = 2, ["docs/hosts.md"] = 4, ["docs/requests.md"] = 1, ["docs/observing.md"] = 2, ["docs/tools.md"] = 1, ["docs/gateway.md"] = 1,
  ["docs/local.md"] = 3,
}

-- These pages are about commands: they open with those.
local OPENS_WITH = {
  ["docs/testing.md"] = "sh", ["docs/serve.md"] = "sh", ["docs/bench.md"] = "sh", ["docs/compat.md"] = "sh", ["docs/doctor.md"] = "sh",
  ["docs/reports.md"] = "sh", ["docs/local.md"] = "sh",
}

local function pages() return files "README.md CONTRIBUTING.md docs/*.md" end

-- What a block may use without saying so: the library, and a client of the scripted OpenGateLLM.
local function names_of_a_page()
  local ogl = require "opengatellm"
  return { ogl = ogl, json = require "opengatellm.json", client = ogl.client { model = "gpt-oss-120b" } }
end

local function run(block)
  local variables = { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo", TMPDIR = os.getenv "TMPDIR", HOME = helper.directory() }
  return environment.with(variables, function() return blocks.run(block, names_of_a_page()) end)
end

describe("README.md", function()
  it("is a first page: at most 150 lines", function()
    local _, count = helper.read "README.md":gsub("\n", "")
    assert.is_true(count <= 150, count .. " lines")
  end)

  it("leads to every page of docs", function()
    local text = helper.read "README.md"
    for _, page in ipairs(files "docs/*.md") do assert.truthy(text:find("](" .. page .. ")", 1, true), page) end
  end)
end)

describe("every page of docs", function()
  it("opens with a block that does something, before its second heading", function()
    local pages_of_docs = files "docs/*.md"
    assert.is_true(#pages_of_docs > 9)
    for _, page in ipairs(pages_of_docs) do
      local first = assert(blocks.of(page)[1], page .. " has no block")
      assert.equal(OPENS_WITH[page] or "lua", first.language, page)
      assert.is_false(first.norun, page)
      assert.is_true(first.headings <= 1, page)
    end
  end)
end)

describe("the Lua blocks", function()
  for _, page in ipairs(pages()) do
    local norun = 0
    for _, block in ipairs(blocks.of(page)) do
      if block.language == "lua" and block.norun then norun = norun + 1 end
      if block.language == "lua" and not block.norun then
        it(("run: %s, line %d"):format(page, block.line), function()
          local said = run(block)
          if block.output then assert.equal(block.output, (said:gsub("\n$", ""))) end
        end)
      end
    end

    it("that cannot run are as many as before: " .. page, function() assert.equal(NORUN[page] or 0, norun) end)
  end

  it("have no mark but norun", function()
    for _, page in ipairs(pages()) do
      for _, block in ipairs(blocks.of(page)) do
        assert.truthy(block.mark == "" or block.language == "lua" and block.norun, ("%s, line %d: %s"):format(page, block.line, block.mark))
      end
    end
  end)

  it("that print something else than the page says, or raise, are found", function()
    local page = "# A page\n\n```lua\nprint('one', 2)\n```\n\n```text\none\t2\n```\n\n```lua norun\nx = \n```\n```lua\nerror 'it fails'\n```\n"
    local found = blocks.of("page.md", page)
    assert.equal(4, #found)
    assert.same({ "one\t2", "one\t2\n", true, 1 }, { found[1].output, blocks.run(found[1], {}), found[3].norun, found[1].headings })
    assert.is_nil(found[4].output)
    local fine, problem = pcall(blocks.run, found[4], {})
    assert.is_false(fine)
    assert.matches("page%.md:15: it fails", problem)
    assert.has_error(function() blocks.of("page.md", "```lua\n") end, "page.md: the last block is not closed")
  end)
end)

-- What the lint step says of pages with these texts; their names are written as page1 and so on.
local function dead_links(...)
  local paths = {}
  for i, text in ipairs { ... } do paths[i] = helper.write((text:gsub("page(%d)", function(n) return paths[tonumber(n)]:match "[^/]+$" end))) end
  local pipe = assert(io.popen("lua5.4 .ci/links.lua " .. table.concat(paths, " ") .. "; echo $?"))
  local said = pipe:read "*a"
  pipe:close()
  for i, path in ipairs(paths) do said = said:gsub(path:gsub("%p", "%%%0"), "page" .. i) end
  return said
end

describe("a link between pages", function()
  it("may lead to a page, a heading or a file", function()
    assert.equal("0\n", dead_links("# One `thing`, two\n## Again\n## Again\n[this page](#one-thing-two) [twice](#again-1)",
      "[there](page1) [the heading](page1#again) [elsewhere](https://example.org/none#x) `[code](none)`\n```sh\n[code](none)\n```\n"))
  end)

  it("is dead where there is no such file or heading", function()
    local said = dead_links("# One\n", "text\n[a](none.md) and [b](page1#two)\n[c](#three) ![d](none.png)\n[e]: none/\n")
    assert.equal("page2:2: none.md: there is no such file\npage2:2: page1#two: there is no such heading\n"
      .. "page2:3: #three: there is no such heading\npage2:3: none.png: there is no such file\npage2:4: none/: there is no such file\n1\n",
      (said:gsub("file%d+#", "page1#")))
  end)
end)
