local url = require "opengatellm.base.url"

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

describe("url.resolve", function()
  local BASE = "http://a/b/c/d;p?q" -- RFC 3986, 5.4

  for reference, target in pairs {
    ["g:h"] = "g:h", ["g"] = "http://a/b/c/g", ["./g"] = "http://a/b/c/g", ["g/"] = "http://a/b/c/g/", ["/g"] = "http://a/g", ["//g"] = "http://g",
    ["?y"] = "http://a/b/c/d;p?y", ["g?y"] = "http://a/b/c/g?y", ["#s"] = "http://a/b/c/d;p?q#s", ["g#s"] = "http://a/b/c/g#s",
    ["g?y#s"] = "http://a/b/c/g?y#s", [";x"] = "http://a/b/c/;x", ["g;x"] = "http://a/b/c/g;x", ["g;x?y#s"] = "http://a/b/c/g;x?y#s",
    [""] = "http://a/b/c/d;p?q", ["."] = "http://a/b/c/", ["./"] = "http://a/b/c/", [".."] = "http://a/b/", ["../"] = "http://a/b/",
    ["../g"] = "http://a/b/g", ["../.."] = "http://a/", ["../../"] = "http://a/", ["../../g"] = "http://a/g",
    -- 5.4.2, what is unusual
    ["../../../g"] = "http://a/g", ["../../../../g"] = "http://a/g", ["/./g"] = "http://a/g", ["/../g"] = "http://a/g", ["g."] = "http://a/b/c/g.",
    [".g"] = "http://a/b/c/.g", ["g.."] = "http://a/b/c/g..", ["..g"] = "http://a/b/c/..g", ["./../g"] = "http://a/b/g", ["./g/."] = "http://a/b/c/g/",
    ["g/./h"] = "http://a/b/c/g/h", ["g/../h"] = "http://a/b/c/h", ["g;x=1/./y"] = "http://a/b/c/g;x=1/y", ["g;x=1/../y"] = "http://a/b/c/y",
    ["g?y/./x"] = "http://a/b/c/g?y/./x", ["g?y/../x"] = "http://a/b/c/g?y/../x", ["g#s/./x"] = "http://a/b/c/g#s/./x",
    ["g#s/../x"] = "http://a/b/c/g#s/../x", ["http:g"] = "http:g",
  } do
    it("knows " .. reference, function() assert.equal(target, url.resolve(BASE, reference)) end)
  end

  it("goes from any address", function()
    for _, row in ipairs {
      { "http://h", "g", "http://h/g" }, { "http://h?q", "?x", "http://h?x" }, { "HTTP://h/a", "//g/b", "HTTP://g/b" }, { "http://h/a#f", "b", "http://h/b" },
      { "http://h/a?x=/y/z", "b", "http://h/b" }, { "http://h/a/b", "HTTPS://g/../c", "HTTPS://g/c" }, { "http://h/a", "?", "http://h/a?" },
      { "http://h//a//b", "..//c", "http://h//a//c" }, { "http://h/a", "b:c/d", "b:c/d" }, { "http://h/a", "./b:c", "http://h/b:c" },
      { "http://h/a", "1:2", "http://h/1:2" }, { "http://u@h:1/a", "/b", "http://u@h:1/b" },
    } do
      assert.equal(row[3], url.resolve(row[1], row[2]))
    end
    assert.is_nil(url.resolve("h/a", "b"))
    assert.is_nil(url.resolve("", ""))
  end)
end)
