"""What every page of the gateway stands in: the document, its style sheet, its glyphs, its content policy (pure).

Colours, sizes and glyph geometry are look.md's. The screen is drawn at 800 x 480: rows 92, rest, 84.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

_TICK = (
    '<path d="M4.9 8.2 7.1 10.4 11.1 5.9" fill="none" stroke="var(--cut)" stroke-width="1.8" stroke-linecap="round"/>'
)
_GLYPHS = {
    "in_range": f'<circle cx="8" cy="8" r="6.5" fill="currentColor"/>{_TICK}',
    "warm": '<path d="M8 2 14.6 13.6 1.4 13.6z" fill="currentColor" stroke="currentColor" stroke-width="1.6" '
    'stroke-linejoin="round"/>',
    "freezing": '<path d="M8 1.3V14.7M2.2 4.65 13.8 11.35M13.8 4.65 2.2 11.35" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round"/>',
    "no_data": '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.8" '
    'stroke-dasharray="3.1 1.6"/><path d="M5.4 8H10.6" stroke="currentColor" stroke-width="1.8"/>',
    "advisory": '<path d="M8 .9 15.1 8 8 15.1.9 8z" fill="currentColor"/>'
    '<path d="M8 4.6V8.6" stroke="var(--cut)" stroke-width="1.8" stroke-linecap="round"/>'
    '<circle cx="8" cy="11.2" r="1.1" fill="var(--cut)"/>',
    "stop": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/>'
    '<path d="M5.2 5.2 10.8 10.8M10.8 5.2 5.2 10.8" stroke="var(--cut)" stroke-width="2"/>',
}
_GLYPHS["cold"] = _GLYPHS["freezing"]

STYLE = """
*{box-sizing:border-box;margin:0}
:root{--ink:#10202b;--ink2:#43545f;--ink3:#586873;--line:#d3dade;--strong:#71808a;--ok:#1f6b4f;--adv:#6b4a00;
--nodata:#55636c;--warm:#c24704;--freeze:#1747b5;--stop:#8a1020;--action:#0b5c77;--cut:#fff}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{font-family:"Noto Sans",Roboto,"Segoe UI",system-ui,sans-serif;background:#fff;color:var(--ink);
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
:lang(hi){font-family:"Noto Sans Devanagari","Nirmala UI","Kohinoor Devanagari",Mangal,"Noto Sans",sans-serif}
svg{flex:none}a{color:var(--action);text-underline-offset:4px}
:focus-visible{outline:3px solid currentColor;outline-offset:2px}
.go{background:#b4e6cb;color:#06301f;--cut:#b4e6cb}.go h1 svg{color:#0b6b45}
.is_warm{background:var(--warm);color:#fff;--cut:var(--warm)}
.is_cold,.is_freezing{background:var(--freeze);color:#fff;--cut:var(--freeze)}
.is_no_data{background:#eceff1;color:#34444e;--cut:#eceff1}
.is_no_data,.gap{background-image:repeating-linear-gradient(45deg,#dde2e5 0 2px,transparent 2px 9px)}
.ok{color:var(--ok)}.adv{color:var(--adv)}.nodata{color:var(--nodata)}.warm{color:var(--warm)}
.freezing,.cold{color:var(--freeze)}
.bar{background:#fff2cc;color:var(--adv);border-left:4px solid #d99a00;padding:8px 24px;font-weight:700}
.bar.alarm{background:var(--stop);color:#fff;border-color:#fff}
.screen{min-height:100vh;display:grid;grid-template-rows:minmax(92px,auto) 1fr minmax(84px,auto)}
.screen header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:0 24px;padding:0 28px}
.screen h1{font-size:min(60px,11vw);line-height:1.36;display:flex;gap:22px;align-items:center;padding-left:2px}
.screen h1 svg{width:min(56px,10vw);height:min(56px,10vw)}
.screen h1:lang(hi) span{position:relative;top:.13em}
.who{font-size:24px;line-height:30px;font-weight:700;text-align:right;max-width:46vw}
.who span{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.who:lang(hi){line-height:36px}
.screen main{display:grid;grid-template:1fr auto/minmax(0,1fr) auto;column-gap:16px;padding:0 28px;align-items:center}
.figure{font-size:min(29vw,48.3vh,24rem);line-height:1.05;font-weight:700;white-space:nowrap;letter-spacing:-.015em;
align-self:center}
.figure{font-family:"Noto Sans",Roboto,"Segoe UI",system-ui,sans-serif}.figure.n1{color:var(--nodata);font-weight:400}
.minus{display:inline-block;width:.47em;height:0;border-top:.11em solid;vertical-align:.3em;margin:0 .06em 0 .03em;
overflow:hidden;text-indent:-9em}
.figure small{font-size:34%;line-height:1;vertical-align:baseline;position:relative;top:-1.28em;margin-left:.12em;
letter-spacing:0;display:inline-block;width:0}
.figure.n4 small{font-size:25%;top:-1.75em;margin-left:.06em}
.side{grid-column:2;grid-row:1/3;width:216px;display:grid;gap:12px;align-content:center;grid-template-columns:minmax(0,1fr)}
.fact{border-left:4px solid var(--line);padding-left:16px}
dt{font-size:22px;line-height:28px;color:var(--ink2)}dd{margin:0;font-weight:700;font-size:30px;line-height:1.25}
dd.most{font-size:40px;line-height:48px}dd.long{font-size:33px;line-height:42px}
dd.act{font-size:26px;line-height:31px;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:4;overflow:hidden}
dd.act:lang(hi){line-height:34px}
dd.alarm{background:var(--stop);color:#fff;padding:2px 10px;font-size:26px;line-height:36px}
.others dd{font-size:20px;line-height:26px;font-weight:400}
.others a{color:inherit;display:flex;gap:8px;align-items:center;min-height:26px;text-decoration:none}
.others a:hover,.others a:focus-visible{text-decoration:underline}
.others b{margin-left:auto;white-space:nowrap}.others svg{width:16px;height:16px}
.others span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.screen nav{grid-column:1;display:flex;flex-wrap:wrap;align-items:center;gap:0 24px;font-size:18px;
padding-bottom:8px}
.screen nav a{padding:4px 0}
.screen footer{border-top:2px solid var(--ink);display:grid;grid-template-columns:repeat(4,minmax(0,1fr))}
.screen footer div{padding:10px 8px 8px 28px;border-left:1px solid var(--line)}
.screen footer div:first-child{border:0}
.screen footer dt{font-size:18px;line-height:25px}
.screen footer dd{font-size:24px;line-height:32px;display:flex;gap:8px;align-items:center}
.screen footer svg{width:22px;height:22px}
.screen footer dt.state{display:flex;font-weight:700}.screen footer dt.state svg{width:18px;height:18px}
.screen footer dd.why{font-size:14px;line-height:19px;font-weight:400;display:block}
.why small{font-size:inherit;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.wide main{grid-template:auto auto auto/minmax(0,1fr)}.wide .figure{line-height:.9}
.wide .side{grid-column:1;grid-row:2;width:auto;grid-auto-flow:column;grid-template-columns:none;
grid-auto-columns:minmax(0,auto);gap:16px}
.wide nav{grid-row:3;padding:0}.wide dt{font-size:18px;line-height:22px}.wide .side dd{font-size:22px;line-height:27px}
.wide .others a{min-height:24px;font-size:18px}.wide .figure{align-self:end}
.none{font-size:32px;padding:24px 0}
@media(max-width:699px){
.screen{grid-template-rows:auto 1fr auto}
.screen header,.screen main{padding:8px 20px}.who{font-size:18px;line-height:24px;max-width:none;text-align:left}
.who span{white-space:normal}
.who:lang(hi){line-height:27px}
.screen main,.wide main{grid-template:auto/minmax(0,1fr)}.figure{font-size:min(38vw,24rem)}
.figure.n4{font-size:min(31vw,24rem)}.figure.n5{font-size:min(25vw,24rem)}
.side,.wide .side{grid-column:1;grid-row:auto;width:auto;grid-auto-flow:row;
grid-auto-columns:minmax(0,1fr);gap:12px}
.screen nav,.wide nav{grid-row:auto;padding:12px 0}.screen nav a{padding:8px 0}
.screen footer{grid-template-columns:repeat(2,minmax(0,1fr))}
.screen footer div{padding:8px 8px 8px 20px;border-top:1px solid var(--line)}
.screen footer div:nth-child(odd){border-left:0}.screen footer dd{font-size:20px;line-height:28px}
.screen footer dt{font-size:16px}.others a{min-height:44px}.why small{-webkit-line-clamp:5}}
@media(max-width:339px){.screen header,.screen main{padding:8px 16px}.screen footer div{padding-left:16px}}
@media(min-width:700px) and (min-height:560px){.side{width:280px}}
.sheets{max-width:1000px;margin:0 auto;padding:16px 24px 48px;font-size:16px;line-height:24px}
.sheets:lang(hi){line-height:27px}
.sheets h1{font-size:28px;line-height:36px}.sheets h2{font-size:18px;line-height:28px;margin:24px 0 8px}
.sheets nav{display:flex;flex-wrap:wrap;gap:0 20px;margin-bottom:8px}.sheets nav a{padding:8px 0}
.sheets dl{display:grid;grid-template-columns:minmax(0,auto) minmax(min-content,1fr);gap:4px 16px}
.sheets dt,.sheets dd{font-size:16px;line-height:24px}.sheets .bar{margin:8px 0;padding:8px 16px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}th{text-align:left;border-bottom:1px solid var(--strong)}
th,td{padding:8px 12px 8px 0;font-size:14px;line-height:20px;vertical-align:top}
th,td,.sheets dt,.sheets dd{overflow-wrap:break-word}
td{border-bottom:1px solid var(--line)}.num{text-align:right;white-space:nowrap}
.state{display:inline-flex;gap:6px;align-items:center;font-weight:700}.state svg{width:16px;height:16px}
.second{color:var(--ink3);display:block}
form{margin:12px 0}[type=password]+button{display:block;margin-top:12px}
label{display:block;font-weight:700;margin-bottom:4px}
input[type=password],input[type=text],select{font:inherit;height:48px;border:2px solid var(--strong);border-radius:4px;
padding:0 12px;width:min(100%,20em);background:#fff;color:var(--ink)}
button{font:inherit;font-weight:700;min-height:48px;padding:8px 20px;border-radius:6px;cursor:pointer;
border:2px solid var(--action);background:#fff;color:var(--action)}
button.primary{background:var(--action);color:#fff}
.acts{display:flex;flex-wrap:wrap;gap:0 12px}.qr svg{width:264px;max-width:100%;height:auto;background:#fff}
.error{color:var(--stop);font-weight:700}.band{width:100%;min-width:560px;height:auto;display:block}
ul.tabs,ul.plain{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px}.tabs a{display:block;padding:6px 0}
.tabs a[aria-current]{font-weight:700;color:var(--ink);text-decoration:none}.day{white-space:nowrap}
.pages{display:flex;gap:20px}.band text{font-family:inherit}section{margin-top:24px}
progress{width:min(100%,24em);height:16px}code{font-family:"Noto Sans Mono",Consolas,monospace}
"""

SCRIPT = """
(()=>{let bad=0;const parts=["title","header","main","footer"];const again=()=>setTimeout(look,5000);
const look=async()=>{const wait=new AbortController();const end=setTimeout(()=>wait.abort(),4000);try{
const told=await fetch(location.href,{cache:"no-store",signal:wait.signal});if(!told.ok)throw 0;
const fresh=new DOMParser().parseFromString(await told.text(),"text/html");bad=0;
document.getElementById("away").hidden=true;document.body.className=fresh.body.className;
for(const name of parts){const old=document.querySelector(name),next=fresh.querySelector(name);
if(!old.contains(document.activeElement)&&old.outerHTML!==next.outerHTML)old.replaceWith(next)}
}catch{if(++bad>2)document.getElementById("away").hidden=false}clearTimeout(end);again()};again()})()
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def glyph(state: str) -> str:
    """The sign of a state; a word always stands beside it."""
    return f'<svg viewBox="0 0 16 16" aria-hidden="true">{_GLYPHS[state]}</svg>'


def document(language: str, title: str, body: str, *, head: str = "") -> str:
    """A whole page; `title` is text, `head` and `body` are HTML."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{head}'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>{body}</html>"
    )
