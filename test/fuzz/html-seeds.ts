/** Letters in HTML as programs write them, and as nobody should. */
export const HTML_SEEDS = [
  '<!doctype html><html><head><title>x</title><style>p { color: red }</style></head><body bgcolor="#fff"><h1>Liste</h1><p style="color:#123456; font-weight: bold">Gr&uuml;&szlig;e <b>und</b> <a href="https://tcn.example/x?a=1&amp;b=2">mehr</a></p><table border="1" cellpadding="2"><tr><td colspan="2" bgcolor="#eee">1</td></tr></table><blockquote type="cite"><pre>a  b\n c</pre></blockquote></body></html>',
  '<div dir="rtl" lang="ar"><ul><li>x<ol start="3"><li>y</ol></ul><img src="cid:photo@tcn" alt="a" width="20"><img src="data:image/png;base64,iVBORw0KGgo="><font color="red" size="+1" face="Arial, x">z</font></div>',
  '<p style="margin:0 0 1em;border:1px solid rgb(1, 2, 3);font-family:\'Segoe UI\',x">&#1057;&lt;script&gt;</p><!--[if mso]><v:shape>x</v:shape><![endif]--><o:p>&nbsp;</o:p>',
  '<svg><p><style><a title="</style><img src=x onerror=alert(1)>"><math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>"><xmp><p title="</xmp><img src=x onerror=alert(1)>"><a href=" java\tscript:alert(1)">x</a>',
  '<div style="position:fixed;background:u\\72l(//x);width:expression(1)">x</div><p id=claim class=ribbon onclick=alert(1)>y<form action=//x><input name=p><iframe src=//x>',
];
