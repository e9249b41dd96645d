/** How often an open page fetches itself. */
const EVERY_MS = 5000;

/**
 * The only script of the page. It fetches the page and replaces the sections that differ, except one that holds a
 * selection or the open table of figures. The style is cut off before parsing: its nonce belongs to another answer. The
 * focus stays where it is, and a screen reader announces only the verdict.
 */
export const script = `(d=>{
let b=d.getElementById("pause"),l=d.getElementById("lost"),s=getSelection(),
on=!matchMedia("(prefers-reduced-motion:reduce)").matches,
say=_=>b.textContent=(on?"Pause":"Resume")+" updates";
setInterval(async _=>{if(on)try{
let f=await fetch("",{signal:AbortSignal.timeout(4e3)}),
n=new DOMParser().parseFromString((await f.text()).split("</style>")[1],"text/html");
for(let e of d.querySelectorAll("[data-live]")){
let m=n.getElementById(e.id),a=d.activeElement;
if(m.innerHTML!=e.innerHTML&&!e.querySelector("[open]")&&(s.isCollapsed||!s.containsNode(e,1))){
e.innerHTML=m.innerHTML;
for(let x of e.querySelectorAll(a.localName))x.ariaLabel==a.ariaLabel&&x.focus({preventScroll:1})}}
d.title=n.title;l.hidden=1}catch{l.hidden=0}},${EVERY_MS});
b.onclick=_=>{on=!on;say()};
d.onclick=async({target:t})=>{let c=t.previousSibling;
if(t.type&&t!=b)try{await navigator.clipboard.writeText(c.textContent);t.textContent="Copied"}
catch{s.selectAllChildren(c)}};
d.body.className="js";say()
})(document)`.replaceAll("\n", "");
