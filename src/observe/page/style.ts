/** Two palettes, one scale of spaces. Every colour of text has at least 4.5:1 on what it stands on. */
export const style = `
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--line:#e4e4e0;--ink:#1c1f23;--soft:#5c636b;--link:#0b57a4;
--good:#1a7a3c;--doubtful:#8f5a00;--bad:#c02626;--good-bg:#e9f6ed;--doubtful-bg:#fdf3dd;--bad-bg:#fdecea;--bar:#5b8fc7;--bar-now:#0b57a4;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#111417;--card:#181c20;--line:#2b3137;--ink:#e7eaed;--soft:#9aa4ae;--link:#7ab8f5;
--good:#56c47c;--doubtful:#e5ad44;--bad:#ff8078;--good-bg:#13291b;--doubtful-bg:#2d2310;--bad-bg:#331917;--bar:#3f6f9f;--bar-now:#7ab8f5;--on:#111417}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
header,main,footer{max-width:1360px;margin:auto;padding:0 24px}
header{display:flex;flex-wrap:wrap;align-items:center;gap:8px 16px;padding-top:16px;padding-bottom:16px}
h1{font-size:16px;font-weight:650;margin:0;letter-spacing:-.01em}
h1+p{margin:0 auto 0 0;color:var(--soft);font-size:13px}
h2{font-size:17px;font-weight:650;margin:0 0 2px;letter-spacing:-.01em}
h2 b{font-weight:500;color:var(--soft);margin-left:4px}
small,caption,dt,th,.none,#load-words,summary,.axis,.max,footer{color:var(--soft);font-size:13px;font-weight:400}
small{display:block;line-height:1.4}
a{color:var(--link)}
a,button,summary{min-height:24px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999px}
.skip:focus{left:16px;top:8px;background:var(--card);padding:8px 12px;z-index:1}
button,.b{display:inline-flex;align-items:center;font:inherit;font-size:13px;color:var(--ink);background:var(--card);border:1px solid var(--line);
border-radius:6px;padding:3px 10px;min-height:28px;cursor:pointer;text-decoration:none}
button:hover,.b:hover{border-color:var(--soft)}
body:not(.js) button{display:none}
main>section,main>div>section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-bottom:16px}
main>#verdict{display:grid;grid-template-columns:auto 1fr;gap:2px 14px;align-items:start;background:var(--bg);border-color:transparent}
#verdict:has(.good){background:var(--good-bg)}#verdict:has(.doubtful){background:var(--doubtful-bg)}#verdict:has(.bad){background:var(--bad-bg)}
section:empty,p:empty{display:none}#sign{display:flex}
#sign .m::before{width:30px;height:30px}
#say{font-size:22px;line-height:1.3;font-weight:650;letter-spacing:-.015em;margin:0}
#more{grid-column:2;margin:0}
.m{display:inline-flex;align-items:center;gap:6px}
.m::before{content:"";width:15px;height:15px;flex:none;background:currentColor;mask:var(--sign) center/contain no-repeat}
.good{color:var(--good)}.doubtful{color:var(--doubtful)}.bad{color:var(--bad)}
.plain::before{color:var(--soft)}
#numbers dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(104px,1fr));gap:12px 8px;margin:0}
#numbers dd{margin:0;font-size:22px;line-height:1.25;font-weight:600;letter-spacing:-.01em}
.zero,#numbers dd.zero{color:var(--soft);font-weight:400}
table{border-collapse:collapse;width:100%}
caption{text-align:left;padding-bottom:10px}
th,td{text-align:left;vertical-align:top;padding:8px 16px 8px 0;border-top:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{border:0;padding-top:0;padding-bottom:6px;white-space:nowrap}
tbody th{color:var(--ink);font-size:15px;font-weight:600;min-width:10ch}
td.n{white-space:nowrap}th.n,td.n{text-align:right}
th,small,code,td:last-child,dd,li,p{overflow-wrap:anywhere}tbody tr:last-child>*{padding-bottom:0}
td .bad,td.bad,td.doubtful{font-weight:600}
time{white-space:nowrap}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td code{margin-right:8px}
.events td,.events th{font-size:14px}
.events tbody th{font-weight:500}
.events td:last-child{color:var(--soft);font-size:13px}
.events i{font-style:normal;color:var(--ink);margin-right:8px}
.none{margin:0}
#load-words{margin:0 0 12px}
figure{margin:0;position:relative}
figure svg{display:block;width:100%;height:120px;border-bottom:1px solid var(--soft);fill:var(--bar)}
figure rect:first-child{fill:var(--bar-now)}
.max{position:absolute;left:0;top:-4px;font-size:12px;background:var(--card);padding-right:6px}
.axis{display:grid;grid-template-columns:repeat(4,1fr);padding-top:4px;font-size:12px}
details{margin-top:8px}
summary{cursor:pointer;padding:3px 0;width:fit-content}
.load{width:auto;margin-top:6px}
.load td,.load th{padding-top:3px;padding-bottom:3px;font-size:13px;font-weight:400}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px 24px;margin:10px 0 0}
.facts dd{margin:0}.facts small{display:inline;margin-left:6px}.facts .wide{grid-column:1/-1}.facts ul{margin:6px 0 0;padding-left:18px}
#lost{background:var(--bad-bg);color:var(--bad);border-radius:10px;padding:10px 20px;margin:0 0 16px;font-weight:600}
footer{padding-top:4px;padding-bottom:32px}
#both{display:flex;flex-wrap:wrap;gap:0 16px;align-items:start}#both>section{flex:1 1 auto;min-width:0}#both caption{width:0;min-width:100%}
@media(min-width:721px){#attention{max-height:36rem;overflow:auto}}
@media(min-width:1280px){.events td:nth-child(3){min-width:20rem}.attention td:last-child,.paused td:last-child{white-space:nowrap}}
@media(min-width:1000px){.m{white-space:nowrap}}
@media(max-width:1000px){th,td{padding-right:10px}}
@media(max-width:720px){header,main,footer{padding-left:12px;padding-right:12px}
main>section,main>div>section{padding:14px}#say{font-size:19px}
.wide,.wide tbody,.wide tr,.wide th,.wide td,.wide caption{display:block}.wide thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.wide tr{border-top:1px solid var(--line);padding:10px 0}.wide th,.wide td{border:0;padding:1px 0}
.wide td{position:relative;padding-left:104px;text-align:left}.wide td::before{position:absolute;left:0;top:2px;color:var(--soft);font-size:13px;font-weight:400}
.paused td:nth-child(2)::before{content:"Why"}.paused td:nth-child(3)::before{content:"By"}.paused td:nth-child(4)::before{content:"Since"}
.paused td:nth-child(5)::before{content:"Until"}.paused td:nth-child(6)::before{content:"Command"}
.attention td:nth-child(2)::before,.providers td:nth-child(2)::before,.stores td:nth-child(2)::before{content:"State"}.attention td:nth-child(3)::before{content:"Why"}.attention td:nth-child(4)::before{content:"Since"}
.attention td:nth-child(5)::before{content:"Next try"}.attention td:nth-child(6)::before{content:"Token ends"}.attention td:nth-child(7)::before{content:"Command"}
.providers td:nth-child(3)::before{content:"Total"}.providers td:nth-child(4)::before{content:"Healthy"}.providers td:nth-child(5)::before{content:"Due"}
.providers td:nth-child(6)::before{content:"Retrying"}.providers td:nth-child(7)::before{content:"Attention"}.providers td:nth-child(8)::before{content:"Next expiry"}
.providers td:nth-child(9)::before,.stores td:nth-child(4)::before{content:"Runway"}.stores td:nth-child(3)::before{content:"Unpublished"}
.wide time small,.wide th small{display:inline;margin-left:8px}time{white-space:normal}
.events tr td{padding-left:0}.events tr td::before{content:none}.events td:nth-child(-n+2){display:inline;margin-right:12px}}
@media(forced-colors:active){figure svg{fill:CanvasText}.m::before{background:CanvasText;forced-color-adjust:none}}
@media print{button,.b,.skip{display:none}}`;
