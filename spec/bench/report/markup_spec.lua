local markup = require "opengatellm.bench.report.markup"

local element = markup.element

describe("an element", function()
  it("has its attributes in order, and what stands in it", function()
    assert.equal('<p class="a" id="b">1 and <b>2</b>3</p>', tostring(element("p", { id = "b", class = "a" }, { "1 and ", element("b", nil, 2), { "3" } })))
    assert.equal('<meta charset="utf-8">', tostring(element("meta", { charset = "utf-8" })))
    assert.equal("<td></td>", tostring(element("td")))
    assert.equal('<rect width="0.333333"></rect>', tostring(element("rect", { width = 1 / 3 })))
  end)

  it("has texts as texts, wherever they come", function()
    assert.equal('<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt; &amp;amp; &#39;</p>', tostring(element("p", { title = '"><script>' }, "<b> &amp; '")))
    assert.equal("<p>&lt;b&gt;</p>", tostring(element("p", nil, { { { "<b>" } } })))
  end)

  it("has no characters that HTML forbids or that turn its direction around", function()
    local unknown = "\239\191\189"
    assert.equal("<p>a" .. unknown .. "b" .. unknown .. "c" .. unknown .. "d\n\te</p>", tostring(element("p", nil, "a\0b\27c\255d\n\te")))
    assert.equal("<p>" .. unknown .. "x" .. unknown .. "é 通</p>", tostring(element("p", nil, "\226\128\174x\226\129\169é 通")))
  end)
end)
