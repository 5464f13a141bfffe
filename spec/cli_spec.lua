local chat = require "opengatellm.cli.chat"

describe("ogl chat", function()
  it("writes the usage on one line, of what there is", function()
    assert.equal("9 in · 2 out · 11 tokens · cost 0.5 · 2e-05 kWh · 1e-06 kg CO2eq",
      chat.usage_line { input_tokens = 9, output_tokens = 2, total_tokens = 11, cost = 0.5, energy_kwh = 2e-5, co2_kg = 1e-6 })
    assert.equal("3 in", chat.usage_line { input_tokens = 3 })
    assert.is_nil(chat.usage_line {})
    assert.is_nil(chat.usage_line(nil))
  end)
end)

describe("the ogl command", function()
  -- What the command prints on both outputs, and its exit status.
  local function ogl(arguments, environment)
    local lua = os.getenv "OGL_LUA" or "lua5.4"
    local pipe = assert(io.popen(("env -u OGL_URL -u OGL_TOKEN -u OGL_API_KEY %s %s bin/ogl %s 2>&1; echo status $?"):format(environment or "", lua, arguments)))
    local out = pipe:read "*a"
    pipe:close()
    return out:gsub("status %d+\n$", ""), tonumber(out:match "status (%d+)\n$")
  end

  it("says in one line what to set where there is no server", function()
    local out, status = ogl 'chat "Bonjour"'
    assert.equal(2, status)
    assert.matches("^ogl: no server: set OGL_URL[^\n]*\n$", out)
  end)

  it("says what is wrong with its arguments", function()
    for _, arguments in ipairs { "", "chat", "fly", "chat --nope x", "chat -p nobody x" } do
      local out, status = ogl(arguments)
      assert.equal(2, status, arguments)
      assert.matches("^ogl: ", out)
    end
  end)

  it("prints its version", function()
    local out, status = ogl "--version"
    assert.same({ "ogl " .. require "opengatellm".version .. "\n", 0 }, { out, status })
  end)

  it("fails with the error's line where the server is not there", function()
    local out, status = ogl("chat -m x hi", "OGL_URL=http://127.0.0.1:1 OGL_TOKEN=sk-secret-word")
    assert.equal(1, status)
    assert.matches("^opengatellm: network: ", out)
    assert.is_nil(out:find("sk-secret-word", 1, true))
  end)
end)
