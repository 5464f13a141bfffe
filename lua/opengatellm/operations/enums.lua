--- Long enumerations of the API, as OpenAPI 0.4.5 lists them.
--
-- @module opengatellm.operations.enums
local M = {}

--- Languages of a recording: ISO 639 codes and English names.
M.LANGUAGES = "af|afrikaans|albanian|am|amharic|ar|arabic|armenian|as|assamese|az|azerbaijani|ba|bashkir|basque|be|belarusian|"
  .. "bengali|bg|bn|bo|bosnian|br|breton|bs|bulgarian|burmese|ca|cantonese|castilian|catalan|chinese|croatian|cs|cy|czech|"
  .. "da|danish|de|dutch|el|en|english|es|estonian|et|eu|fa|faroese|fi|finnish|flemish|fo|fr|french|galician|georgian|"
  .. "german|gl|greek|gu|gujarati|ha|haitian|haitian creole|hausa|haw|hawaiian|he|hebrew|hi|hindi|hr|ht|hu|hungarian|hy|"
  .. "icelandic|id|indonesian|is|it|italian|ja|japanese|javanese|jw|ka|kannada|kazakh|khmer|kk|km|kn|ko|korean|la|lao|latin|"
  .. "latvian|lb|letzeburgesch|lingala|lithuanian|ln|lo|lt|luxembourgish|lv|macedonian|malagasy|malay|malayalam|maltese|"
  .. "mandarin|maori|marathi|mg|mi|mk|ml|mn|moldavian|moldovan|mongolian|mr|ms|mt|my|myanmar|ne|nepali|nl|nn|no|norwegian|"
  .. "nynorsk|oc|occitan|pa|panjabi|pashto|persian|pl|polish|portuguese|ps|pt|punjabi|pushto|ro|romanian|ru|russian|sa|"
  .. "sanskrit|sd|serbian|shona|si|sindhi|sinhala|sinhalese|sk|sl|slovak|slovenian|sn|so|somali|spanish|sq|sr|su|sundanese|"
  .. "sv|sw|swahili|swedish|ta|tagalog|tajik|tamil|tatar|te|telugu|tg|th|thai|tibetan|tk|tl|tr|tt|turkish|turkmen|uk|"
  .. "ukrainian|ur|urdu|uz|uzbek|valencian|vi|vietnamese|welsh|yi|yiddish|yo|yoruba|yue|zh"

--- Zones where a model may run: ISO 3166-1 alpha-3 codes, and WOR for anywhere.
M.HOSTING_ZONES = "ABW|AFG|AGO|AIA|ALA|ALB|AND|ARE|ARG|ARM|ASM|ATA|ATF|ATG|AUS|AUT|AZE|BDI|BEL|BEN|BES|BFA|BGD|BGR|BHR|BHS|BIH|BLM|BLR|"
  .. "BLZ|BMU|BOL|BRA|BRB|BRN|BTN|BVT|BWA|CAF|CAN|CCK|CHE|CHL|CHN|CIV|CMR|COD|COG|COK|COL|COM|CPV|CRI|CUB|CUW|CXR|CYM|CYP|"
  .. "CZE|DEU|DJI|DMA|DNK|DOM|DZA|ECU|EGY|ERI|ESH|ESP|EST|ETH|FIN|FJI|FLK|FRA|FRO|FSM|GAB|GBR|GEO|GGY|GHA|GIB|GIN|GLP|GMB|"
  .. "GNB|GNQ|GRC|GRD|GRL|GTM|GUF|GUM|GUY|HKG|HMD|HND|HRV|HTI|HUN|IDN|IMN|IND|IOT|IRL|IRN|IRQ|ISL|ISR|ITA|JAM|JEY|JOR|JPN|"
  .. "KAZ|KEN|KGZ|KHM|KIR|KNA|KOR|KWT|LAO|LBN|LBR|LBY|LCA|LIE|LKA|LSO|LTU|LUX|LVA|MAC|MAF|MAR|MCO|MDA|MDG|MDV|MEX|MHL|MKD|"
  .. "MLI|MLT|MMR|MNE|MNG|MNP|MOZ|MRT|MSR|MTQ|MUS|MWI|MYS|MYT|NAM|NCL|NER|NFK|NGA|NIC|NIU|NLD|NOR|NPL|NRU|NZL|OMN|PAK|PAN|"
  .. "PCN|PER|PHL|PLW|PNG|POL|PRI|PRK|PRT|PRY|PSE|PYF|QAT|REU|ROU|RUS|RWA|SAU|SDN|SEN|SGP|SGS|SHN|SJM|SLB|SLE|SLV|SMR|SOM|"
  .. "SPM|SRB|SSD|STP|SUR|SVK|SVN|SWE|SWZ|SXM|SYC|SYR|TCA|TCD|TGO|THA|TJK|TKL|TKM|TLS|TON|TTO|TUN|TUR|TUV|TWN|TZA|UGA|UKR|"
  .. "UMI|URY|USA|UZB|VAT|VCT|VEN|VGB|VIR|VNM|VUT|WLF|WOR|WSM|YEM|ZAF|ZMB|ZWE"

--- Kinds of text at whose boundaries a document may be split into chunks.
M.PRESET_SEPARATORS = "cpp|go|java|kotlin|js|ts|php|proto|python|r|rst|ruby|rust|scala|swift|markdown|latex|html|sol|csharp|cobol|c|lua|perl|"
  .. "haskell|elixir|powershell|visualbasic6"

return M
