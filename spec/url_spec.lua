local url = require "opengatellm.url"

describe("url.base", function()
  local function api(text, version) return select(2, url.base(text, version)) end

  it("appends the version, unless it is there", function()
    assert.equal("http://h:8000/v1", api("http://h:8000", "v1"))
    assert.equal("http://h/v1", api("http://h/", "v1"))
    assert.equal("http://h/v1", api("http://h/v1", "v1"))
    assert.equal("http://h/v1", api("http://h/v1/", "v1"))
    assert.equal("https://h/openai/v1", api("https://h/openai/v1", "v1"))
    assert.equal("https://h/v1beta/openai", api("https://h/v1beta/openai", "v1"))
    assert.equal("https://h/a/b/v1", api("https://h/a/b", "v1"))
    assert.equal("https://h/a", api("https://h/a", nil))
  end)

  it("knows the address without the version", function()
    assert.equal("http://h/x", (url.base("http://h/x/v1", "v1")))
    assert.equal("http://h/x", (url.base("http://h/x", "v1")))
  end)

  it("refuses what is no address", function()
    for text, problem in pairs {
      ["localhost:8000"] = "http://", ["ftp://h"] = "scheme", ["http://h?a=1"] = "query", ["http://h/ x"] = "blank",
      ["http://h\r\nX: y"] = "control", ["http://user:pw@h"] = "user name",
    } do
      local root, message = url.base(text, "v1")
      assert.is_nil(root)
      assert.matches(problem, message, 1, true)
      assert.is_nil(message:find("pw", 1, true))
    end
  end)
end)

describe("url escapes", function()
  it("keep slashes in a path, and nothing in a segment", function()
    assert.equal("openai/gpt-oss-120b", url.path "openai/gpt-oss-120b")
    assert.equal("a%20b%3Fc%23d%25", url.path "a b?c#d%")
    assert.equal("a%2Fb", url.segment "a/b")
    assert.equal("%C3%A9", url.segment "é")
  end)

  it("write a query in order, lists as repeats", function()
    assert.equal("?a=1&b=x%20y&m=1&m=2", url.query { b = "x y", a = 1, m = { 1, 2 } })
    assert.equal("", url.query {})
  end)
end)

describe("url.problem", function()
  it("tells of dots between slashes, however they are written", function()
    for _, text in ipairs {
      ".", "..", "a/..", "../a", "a/./b", "%2e", "%2E%2e", "a%2F..%2Fb", "a%5c..", "a\\.\\b", "%252e%252e", "..;x=1", "a/..;/b", "..\0", "/../",
    } do
      assert.matches("between slashes", url.problem(text), 1, true)
    end
    for _, text in ipairs { "", "...", "a..b", "..a", "a.b/c.d", "a/...", "%", "%zz", "a;..", "é", "tunedModels/a.b", ("%25"):rep(1000) } do
      assert.is_nil(url.problem(text))
    end
  end)
end)

describe("url.complete", function()
  it("gives a host alone its scheme and its port", function()
    for text, want in pairs {
      ["gpu1"] = "http://gpu1:11434", ["gpu1:80"] = "http://gpu1:80", ["0.0.0.0"] = "http://localhost:11434", ["0.0.0.0:1"] = "http://localhost:1",
      [":8080"] = "http://localhost:8080", [""] = "http://localhost:11434", ["::1"] = "http://[::1]:11434", ["[::1]:5"] = "http://[::1]:5",
      ["[::]:5"] = "http://localhost:5", ["[::1]"] = "http://[::1]:11434", ["10.0.0.1/"] = "http://10.0.0.1:11434/", ["h/x"] = "http://h:11434/x",
      ["http://h"] = "http://h", ["https://h:1/x"] = "https://h:1/x", ["http://0.0.0.0:1"] = "http://localhost:1", [' "h" '] = "http://h:11434",
    } do
      assert.equal(want, url.complete(text, 11434))
    end
  end)
end)
