local width = require "opengatellm.base.width"

describe("the width of a text", function()
  it("counts columns of a terminal", function()
    for text, columns in pairs {
      [""] = 0, abc = 3, ["déjà"] = 4, ["de\204\129ja\204\128"] = 4, ["通义千问"] = 8, ["モデル"] = 6, ["한국어"] = 6, ["ＡＢ"] = 4, ["😀"] = 2,
      ["→ …"] = 3, ["ก็"] = 1, ["a\226\128\139b"] = 2, ["\240\160\128\128"] = 2, ["⌚"] = 2, ["─"] = 1,
    } do
      assert.equal(columns, width.of(text), text)
    end
  end)

  it("agrees with Unicode's own table in every block of names", function()
    local has_python = os.execute "command -v python3 >/dev/null 2>&1"
    if has_python ~= true and has_python ~= 0 then return pending "python3 is not installed: its unicodedata is the table" end
    local pipe = io.popen [[python3 -c '
import unicodedata
for c in [*range(0x20, 0x7f), *range(0xa0, 0x370), *range(0x3041, 0x3097), *range(0x4e00, 0x9fff, 97), *range(0xac00, 0xd7a4, 89), *range(0xff01, 0xff61)]:
  zero = unicodedata.category(chr(c)) in ("Mn", "Me")
  print(chr(c).encode().hex(), 0 if zero else 2 if unicodedata.east_asian_width(chr(c)) in "WF" else 1)']]
    local count = 0
    for line in pipe:lines() do
      local bytes, columns = line:match "^(%x+) (%d)$"
      local text = bytes:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
      assert.equal(tonumber(columns), width.of(text), bytes)
      count = count + 1
    end
    pipe:close()
    assert.is_true(count > 1200, count)
  end)

  it("is made as wanted", function()
    assert.equal("abc", width.cut("abc", 3))
    assert.equal("ab…", width.cut("abcd", 3))
    assert.equal("通…", width.cut("通义千问", 4)) -- a wide character that has one column left does not fit
    assert.equal("…", width.cut("通义", 1))
    assert.equal("通义 |", width.pad("通义", 5) .. "|")
    assert.equal(" 通义|", width.pad("通义", 5, true) .. "|")
    assert.equal("abcd", width.pad("abcd", 2))
  end)

  it("has no orders for the terminal in it", function()
    assert.equal("a [31mred [0m b c d", width.harmless "a\27[31mred\27[0m\r\nb\194\155c\226\128\174d")
    assert.equal("x y z", width.harmless "x\226\128\168y\226\129\166z")
    assert.equal("caf\239\191\189", width.harmless "caf\195")
    assert.equal("é 通 😀", width.harmless "é 通 😀")
  end)
end)
