"""Which words of a message its writer says in their own voice, and which they only show: quotations, pasted letters and
mails, forwarded texts, code, logs, and what stands after "the label says:".

Nothing here knows what a rule is. Where it is not clear who speaks, it is somebody else: what is shown and taken for
the user's own is an order that anybody can give by being quoted.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

SHOWN = "\ufffc"  # stands for every character that somebody else says; no letter, no white space, no punctuation
ENDED = "\ufff9"  # the last one, where a sentence of theirs ends there

# Latin letters without their marks, one for one, as patterns are written and as people type in haste
_PLAIN = str.maketrans(
    "áàâãäåçéèêëíìîïñóòôõöúùûüýÁÀÂÃÄÅÇÉÈÊËÍÌÎÏÑÓÒÔÕÖÚÙÛÜÝ’ʼ：，；\u00a0\u202f",
    "aaaaaaceeeeiiiinooooouuuuyAAAAAACEEEEIIIINOOOOOUUUUY'':,;  ",
)

_QUOTED = re.compile(
    r'"""(?:.*?)(?:"""|\Z)|\'\'\'(?:.*?)(?:\'\'\'|\Z)'
    r"|“[^“”]*(?:”|\Z)|„[^„“”]*(?:[“”]|\Z)|«[^«»]*»|»[^«»]*«|「[^「」]*(?:」|\Z)|『[^『』]*(?:』|\Z)"
    r"|(?<!\w)‘[^‘\n]{0,2000}?’(?!\w)|‚[^‚\n]{0,2000}?[‘’](?!\w)|‹[^‹›\n]*›"
    r'|(?<![\w"])"(?=\S)(?:[^"\n]|\n(?!\s*\n)){0,4000}"(?!\w)'
    r'|(?<=[^\x00-\u024f])"[^"\n]{0,2000}"'  # scripts that write no blanks around quotation marks
    r"|(?<![\w'])'(?=[^\s'])[^'\n]{0,400}(?:\w'\w[^'\n]{0,400}){0,20}'(?![\w'])",
    re.DOTALL,
)
_CODE = re.compile(
    r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)|`[^`\n]+`|(?<=\n\n)(?:(?: {4}|\t)[^\n]*(?:\n"
    r"|\Z)+)+",
    re.M | re.S,
)
_OPENING_TAG, _CLOSING_TAG = re.compile(r"<(\w[\w-]*)\b[^<>\n]*>"), re.compile(r"</(\w[\w-]*)>")
_RULED_OFF = re.compile(r"^[ \t]*([-=_*~])\1{2,}[ \t]*$(.*?)(?:^[ \t]*\1{3,}[ \t]*$)", re.M | re.S)
_ADDRESS = re.compile(r"https?://\S+|(?<!\w)[~.]{0,2}/\S*|(?<!\S)--\w[\w-]*")
_COLON = re.compile(r":(?=\s|[^\x00-\u024f]|\Z)")
# a command behind its prompt and what it printed: to the next blank line, or, where it prints a file, to the end
_COMMAND = re.compile(
    r"^[ \t]*(?:[\w.-]+@[\w.-]+[^\n$#%]{0,60}[$#%]|\([\w.-]+\) \$|\$(?= \D)|PS [A-Z]:[^\n>]{0,80}>"
    r"|[A-Z]:\\[^\n>]{0,80}>|➜[^\n]{0,40}?) "
    r"(?:[^\n]*\b(?:cat|less|more|head|tail|man|curl|grep|type|git (?:log|show|diff)|--?help)\b.*\Z"
    r"|\S[^\n]*(?:\n(?=[ \t]*\S)[^\n]*)*)",
    re.M | re.S,
)
# what compilers, tools and loggers report, with the indented lines that go on with it
_REPORT = re.compile(
    r"^[ \t]*(?:(?:fatal )?error(?:\[\w+\])?:|warning(?:\[\w+\])?:|fatal:|usage:|npm (?:ERR!|WARN|error|warn)\b|E   +\S"
    r"|\[?(?:ERROR|WARN|WARNING|FATAL|INFO|DEBUG|CRITICAL)\]?[ :]|\w+(?:Error|Exception|Warning):"
    r"|[\w./\\-]+[:(]\d+(?:[:,]\d+)?\)?: ?(?:\w+ )?(?:error|warning|note|hint|info)\b)[^\n]*(?:\n[ \t]+\S[^\n]*)*",
    re.M,
)
# code without a fence: lines that no prose has, and the comments beside them
_CODE_LINE = re.compile(
    r"[ \t]*(?:(?:async )?def \w+\(|class \w+[(:{]|import [\w.]+[ \t]*$|from [\w.]+ import |(?:function|fn"
    r"|func) \w*\(|(?:const|let|var)"
    r" \w+ ?[:=]|(?:public|private|protected|static) \w+[\w<> ]* \w+\(|#include|@\w+[ \t]*$"
    r"|[\w.\[\]\"']{1,60} ?(?:[-+*/|:]?=|=>|->)"
    r" ?\S|[\w.]{1,60}\([^\n]{0,200}\)[;,{]?[ \t]*(?:#|//|$)|[})\]]+[;,)]*[ \t]*$|[^\n(=]*[(=][^\n]*[;{][ \t]*$)"
)
_COMMENT_LINE = re.compile(r"[ \t]*(?:#|//|/\*|\*|--)")
# the heading that a chat program puts above what somebody posted: a name and the time of day
_POSTED = re.compile(
    r"^[ \t]*(?:[^\W\d_a-z][\w.'-]*(?: [^\W\d_a-z][\w.'-]*){0,3}(?: \((?:[^()\n]{1,20})\))?(?:,?"
    r" *\[[^\[\]\n]{0,12}\d{1,2}:\d\d[^\[\]\n]{0,6}\]"
    r"|(?:[ \t]{2,}|[ \t]*[—–|•·-][ \t]*)(?:(?:today|yesterday|heute|gestern)[ \t](?:at "
    r"|um )?)?\d{1,2}:\d\d(?: ?[AaPp]\.?[Mm]\.?)?"
    r"|[ \t]+\d{1,2}:\d\d ?[AaPp]\.?[Mm]\.?))[ \t]*$(?:\n(?=[ \t]*\S)[^\n]*)*",
    re.M,
)
# what machines and chats write, a line at a time
_LINE = re.compile(
    r"^[ \t]*(?:>|\$ (?!\d)|\d{1,2}[./]\d{1,2}[./]\d{2,4},? \d{1,2}:\d\d|[{}\[]\S|<[\w!/]|//|/\*|--\s|#!|[+-]\s*#|@@"
    r"|diff --git|Traceback|File \"|at \w[\w.]*\("
    r"|\[?\d{1,2}:\d\d|\[?\d{4}-\d\d-\d\d)[^\n]*$",
    re.M,
)
_SPEAKER = re.compile(r"^[ \t]*([A-Z][\w .'-]{0,24}) ?:[ \t]+\S[^\n]*$", re.M)  # of a transcript
# of a chat log in small letters; a list of settings, "tone: dry", has each label once
_SMALL_SPEAKER = re.compile(r"^[ \t]*([a-z]\w{0,15}) ?:[ \t]+\S[^\n]*$", re.M)
_REMARK = re.compile(r"\W*(?:(?:please|important|one more) )?(?:note|notes|nb|ps|important|reminder)")  # no speaker
_PERSON = re.compile(
    r"(?:me|him|her|them|s?he|they|you|us|mom|mum|dad|boss|user|assistant|bot|ai|human|system|agent|customer|client|ich|er"
    r"|sie|du|yo|el|ella|moi|lui|elle|io|lei|eu|ele|ela)\Z"
)

_FORWARDED = re.compile(
    r"(?<!-)-{2,}\s*(?:begin )?(?:original|forwarded|urspr|weitergel|mensaje|mensagem|message|messaggio|reenvi"
    r"|encaminh|transf"
    r"|inoltrat|原始|转发|轉發|転送|元の)[^\n-]*-*(?:.*?-{2,}\s*(?:end|ende|fin|fine|fim)\b[^\n-]*-*|.*\Z)"
    r"|^(?:begin forwarded message|anfang der weitergeleiteten)[^\n]*$.*\Z"
    r"|^[^\n]{0,120}\b(?:wrote|schrieb|escribio|a ecrit|ha scritto|escreveu)\b[^\n]{0,40}:[ \t]*$.*\Z"
    r"|^(?:(?:from|to|cc|date|sent|subject|von|an|betreff|gesendet|de|para|asunto|enviado|objet|envoye|a"
    r"|oggetto|da|assunto"
    r"|发件人|收件人|主题|差出人|宛先|件名)[ \t]*:[^\n]*\n){2,}.*\Z",
    re.M | re.S | re.I,
)
# texts without any of these have nothing of the pattern, and most have none
_SIGNS = {
    _CODE: ("`", "~~~", "\n\n"),
    _QUOTED: tuple("\"'“„«»「『‘‚‹"),
    _ADDRESS: ("/", "--"),
    _FORWARDED: ("--", ":", "forwarded", "anfang"),
}
_GREETING = re.compile(
    r"^(?:(?:dear|hi|hello|hey|good (?:morning|evening)|sehr geehrte|liebe[rs]?|hallo|guten (?:tag|morgen)"
    r"|querid[oa]s?"
    r"|estimad[oa]s?|hola|cher|chere|chers|cheres|bonjour|madame|monsieur|car[oaie]|gentil[ei]|egregi[oa]?"
    r"|spett|prezad[oa]s?"
    r"|ol[aá]|car[oa]s? |to whom)\b[^\n.?]{0,60}[,:!]|(?:亲爱的|尊敬的|各位)[^\n。]{0,20}[,:!]|[^\n。]{1,20}様"
    r"|拝啓[^\n]*)[ \t]*$",
    re.M | re.I,
)
_FAREWELL = re.compile(
    r"^(?:(?:kind |best |warm |many )?(?:regards|wishes|thanks)|yours\b|sincerely|cheers|love|mit freundlichen"
    r"|viele gruesse"
    r"|(?:viele |liebe |beste |schone )?gru(?:ß|ss)|saludos|atentamente|un saludo|cordialement|bien a vous|amities"
    r"|cordiali|distinti|saluti|un abbraccio|atenciosamente|abracos?|cumprimentos|此致|敬上|敬具|よろしく)"
    r"[^\n]*(?:\n+[^\n.!?。]{1,60}$)?",
    re.M | re.I,
)

# a whole message in the form of a mail to nobody by name is its writer's own
_OWN_MAIL = re.compile(
    r"\s*(?:hi|hello|hey|hi there|hello there|hallo|guten tag|hola|bonjour|buongiorno|ciao|ola)[ \t]*[,!][ \t]*\n", re.I
)
_OWN_TAG = re.compile(r"\s*<(rules|preferences|instructions)>[ \t]*\n[^<>]*\n[ \t]*</\1>[ \t]*(?:\n|\Z)")

# who says or wants something in the sentence itself; the verbs are those of a third person
_SAYS_WORDS = (
    r"(?<!\w)(?:"
    # en
    r"(?<!\bi )(?<!\bwe )(?<!\bto )(?:(?:they|people|some|others|doctors|experts) say|says|said|told|tells"
    r"|writes|wrote|reads|claims|claimed|insists|insisted|states|stated|demands"
    r"|demanded|advises|advised|warns|warned|recommends|recommended|shouts|shouted|yells|yelled|announced"
    r"|announces|repeats"
    r"|replied|posted|texted|noted|preaches|swears|swore|suggested|suggests)"
    r"(?= ?[:,]| ?\ufffc| (?:that|i|you|we|they|he|she|it|to|me|us|him|her|them|my|never|always|not|no|only|on"
    r"|there|everyone|everybody|people)\b)"
    r"|keeps? (?:saying|telling|yelling|repeating|asking)|(?:wants|asked|asks|ordered|expects|orders|forbids"
    r"|forbade|tells|begged) (?:me|us|you|everyone|everybody|people|him|her|them)\b"
    r"|according to|reportedly|forwarded|quoted"
    # what is said in a tale without quotation marks: never go there, she whispered
    r"|(?<=, )(?:(?:he|she|they|the [\w-]+(?: [\w-]+)?|[\w-]+) (?:whispered|said|murmured|muttered|cried"
    r"|shouted|hissed|replied"
    r"|growled|called|yelled|snapped|answered|added|warned|told|pleaded|begged|screamed|sighed|croaked|ordered"
    r"|commanded)"
    r"|(?:whispered|said|murmured|muttered|cried|shouted|hissed|replied|growled) (?:he|she|they|the [\w-]+|[\w-]+))"
    r"(?= ?[.,;!?]|\s*\Z| (?:to|in|at|with|and|as|from|softly|quietly|loudly)\b)"
    # de
    r"|(?<!ich )(?<!wie )(?:sagt|sagte|sagten|meint|meinte|schreibt|schrieb|behauptet|behauptete|verlangt"
    r"|verlangte|fordert|forderte|warnt|warnte"
    r"|flusterte|murmelte|zischte|knurrte|predigt|predigte|rief|ruft|brullt|brullte|besteht darauf"
    r"|bestand darauf|besagt)(?!\w)|(?:da|dort|drin"
    r"|drauf|es) (?:steht|stand)|hei(?:ß|ss)t es|gelesen"
    r"|laut (?:dem|der|den|meine[rnm]?|unsere[rnm]?|eine[rnm]?)|zufolge|angeblich|weitergeleitet|abgetippt"
    # es
    r"|susurro|murmuro|grito|exclamo|dice|dicen|dijo|dijeron|decia|decian|segun(?! te\b| tu\b| creas| convenga)"
    r"|sostiene|afirma|asegura"
    r"|insiste|exige|exigio|advierte|aconseja|recomienda"
    r"|(?:me|nos|le|les) (?:pidio|ordeno|mando|obliga|prohibe|prohibio|exige|pide)|repite que|grita|reenviad\w+"
    # fr
    r"|(?:il|elle|ils|elles|on|qui|me|m'a|m'ont|nous a|a|ont|mere|pere|chef|cheffe|patron|patronne|medecin"
    r"|prof|directrice|directeur) "
    r"(?:dit|disent|disait|ecrit|ecrivait|repete|exige|insiste|pretend|affirme|conseille|demande (?:de|que)"
    r"|crie|repond|interdit|oblige|voudrait|veut)"
    r"|(?:murmura|chuchota|cria|dit|souffla|repondit|s'ecria)(?:-t)?-(?:il|elle|ils|elles|on)|(?<=, )(?:murmura"
    r"|chuchota|souffla) "
    r"|selon(?! toi| vous| le cas)|d'apres(?! toi| vous)|(?:est|etait) ecrit"
    # it
    r"|sussurro|mormoro|grido|dicono|disse|diceva|dice|secondo(?! te\b| lei\b| me\b)|scrisse|ha (?:scritto"
    r"|detto|ordinato|vietato)"
    r"|(?:mi|ci) ha (?:chiesto|imposto)|sostiene|afferma|insiste|pretende"
    r"|raccomanda|ripete|grida|c'e scritto|inoltrat\w+"
    # pt
    r"|sussurrou|murmurou|gritou|diz|dizem|disse|disseram|dizia|segundo(?! voce| plano| item| capitulo)"
    r"|escreveu|afirma|exige|(?:me"
    r"|nos) (?:pediu|mandou|proibiu|obriga)|esta escrito|encaminhad\w+"
    # nl, pl, tr, ru, ar
    r"|zegt|zei|schrijft|schreef|mowi|powiedzial\w*|pisze|napisal\w*|dedi|diyor|soyledi|yazdi|söyledi|yazdı"
    r"|mówi|powiedział\w*|napisał\w*"
    r"|говорит|говорил\w*|сказал\w*|пишет|написал\w*|требует|قال|قالت|يقول|تقول|كتب"
    r")(?!\w)"
)
_SAYS_SIGNS = (
    # zh, ja, ko
    r"低声道|喊道|说道|ささやい|つぶやい|叫ん|라고 (?:말|했|하)|말했|(?<![我你小话如])说[:,“\ufffc]|(?:他|她|妈"
    r"|爸|板|师|友|事|人|医生|奶|爷|姐|哥|弟|妹|客户|领导)(?:总|老"
    r"|常|又|还|经常|一直|都)?(?:说|让我|叫我|要我"
    r"|要求|规定|嘱咐|认为|坚持)"
    r"|告诉我|写着|写道|写的是|里写|上写|里发|发来|转发|轉發|据说|要求我们|老师让|让大家|听说"
    r"|と(?:言|い)(?:わ|っ|う|い)|(?:って|と)(?:書|怒|注意|叱|命)|と(?:ある|あり|の(?:こと|指示|連絡|噂))"
    r"|とLINE|が来ました|によると|によれば|曰く|だそうで|台詞"
    r"|セリフ|転送|に(?:言|注意|叱|命令)(?:わ|さ|ら)れ"
)
# of an ASCII text the second would look at every character in vain
_SAYS, _SAYS_IN_ASCII = re.compile(f"{_SAYS_WORDS}|{_SAYS_SIGNS}"), re.compile(_SAYS_WORDS)
# a sentence whose subject is somebody else, or what somebody else wrote: my boss, the manual, in the story the witch
_SUBJECT = re.compile(
    r"\W*(?:(?:and|but|so|und|aber|y|pero|et|mais|e|ma|mas) )?(?:"
    r"(?:my|our|the|his|her|their|in (?:my|our|the|this|a)|on (?:my|our|the)) (?:[\w'-]+ ){0,2}?(?:boss"
    r"|manager|chief|landlord|landlady|teacher|tutor|prof\w*|coach|trainer|doctor'?s?|dentist|nurse|therapist"
    r"|lawyer|mother|mom|mum|father|dad|parents|sister|brother|aunt|uncle|grandmother's?|grandma|grandfather"
    r"|grandpa|wife|husband|girlfriend|boyfriend|friend|neighbou?rs?|colleague|roommate|flatmate|supervisor"
    r"|instructor|dragon|witch|wizard|king|queen|knight|villain|story|novel|movie|manual|readme|style guide"
    r"|policy|handbook|contract|lease|law|regulations|terms|sign|label|poster|notice|recipe|school|company"
    r"|linter|rep|church|gym|club|bot|chatbot|hero|heroine|narrator|protagonist)\b(?! and i\b)"
    r"|(?:doctor's orders|character sheet|terms and conditions|house rules)\b"
    r"|(?:mein|meine|unser|unsere|der|die|das|im|in der|auf dem|auf der|laut) (?:\w+ ){0,2}?(?:chef|chefin"
    r"|vermieter\w*|lehrer\w*|trainer\w*|arzt|arztin|mutter|vater|oma|opa|schwester|bruder|frau|mann|freundin?"
    r"|nachbar\w*|kolleg\w+|hausordnung|\w*zettel|vertrag|gesetz|schild|roman|geschichte|marchen|anleitung"
    r"|handbuch|satzung)\b"
    r"|(?:mi|nuestr[oa]|el|la|en el|en la|reglas de|normas de) (?:\w+ ){0,2}?(?:jef[ea]|caser[oa]|profesora?"
    r"|maestr[oa]|entrenadora?|medic[oa]|doctora?|madre|padre|abuel[oa]|suegr[oa]|herman[oa]|mujer|marido"
    r"|novi[oa]|vecin[oa]|cartel|manual|contrato|ley|reglamento|novela|cuento|bruja)\b"
    r"|(?:mon|ma|notre|le|la|l'|dans le|dans la|sur le|sur la) ?(?:\w+ ){0,2}?(?:chef|cheffe|patronn?e?"
    r"|proprietaire|prof\w*|coach|entraineur|medecin|mere|pere|grand-mere|grand-pere|soeur|frere|femme|mari"
    r"|copine?|voisine?|reglement|notice|contrat|loi|panneau|affiche|roman|histoire|sorciere|etiquette)\b"
    r"|(?:il mio|la mia|il|la|lo|l'|nel|nella|sul|sulla|mia|mio) ?(?:\w+ ){0,2}?(?:capo|padron[ea]|prof\w*"
    r"|maestr[oa]|allenatore|medico|dottoressa|dottore|madre|padre|nonn[oa]|suocer[oa]|sorella|fratello|moglie"
    r"|marito|vicin[oa]|cartello|manuale|contratto|legge|regolamento|romanzo|racconto|strega)\b"
    r"|(?:meu|minha|nosso|nossa|o|a|no|na) (?:\w+ ){0,2}?(?:chefe|senhorio|professora?|treinador|medic[oa]|mae"
    r"|pai|avo|sogr[oa]|irma|irmao|esposa|marido|namorad[oa]|vizinh[oa]|placa|manual|contrato|lei|regulamento"
    r"|romance|conto|bruxa|rotulo)\b"
    r"|(?:我|我们|他|她|我的|那个)?(?:老板|房东|老师|教练|医生|妈妈?|爸爸?|奶奶|爷爷|姐姐?|哥哥?|老婆|老公"
    r"|女友|男友|同事|邻居|上司|师父|公司|学校|物业|说明书|合同|法律|规定|通知|小说|故事)"
    r"|[^。、]{0,6}(?:上司|店長|先生|医者|母|父|祖母|祖父|姉|兄|妻|夫|彼女|彼|友人|同僚|大家|会社|学校|説明書"
    r"|契約|規則|貼り紙|張り紙|看板|物語|小説|魔女)(?:は|が|から|に|の|で|には)"
    r")",
)
# a request to look at a text that stands below, or behind
_HANDS_OVER = re.compile(
    r"(?<!\w)(?:(?:translate|proofread|summari[sz]e|rephrase|rewrite|review|critique|edit|analy[sz]e|rate"
    r"|check|explain|look at|read|improve|shorten|make|polish|correct|fix) (?:\w+ ){0,3}(?:this|these|below"
    r"|following)|(?:is|does"
    r"|how is|what do you think of|what about) this (?:[\w-]+ ){0,6}[\w-]+\?|reads$|(?:the )?(?:\w+ )?below$"
    r"|(?:ubersetz|korrigier|bewerte|prufe?|lies|fass)\w* (?:\w+ ){0,3}(?:diese\w*|folgende\w*)|(?:traduce"
    r"|corrige|resume|revisa|traduis|resume|relis|traduci|correggi|riassumi|traduza|corrija|resuma"
    r"|revise)\w* (?:\w+ ){0,3}(?:este|esta|esto|siguiente|ce|cette|suivant|questo|questa|seguente|isto|isso"
    r"|seguinte))(?!\w)|(?:下面|以下|这段|這段)[^。]{0,8}$|次の(?:文|文章|手紙|メール)",
)
# a whole sentence that asks for work on a text and names none: the text is what follows
_WORKED_ON = re.compile(
    r"\W*(?:(?:please|pls|hi|hello|hey|bitte|por favor|s'il (?:te|vous) plait|per favore)\W+)*(?:(?:can|could"
    r"|would) you (?:please )?)?(?:"
    r"(?:translate|put)(?: this)? (?:in)?to (?:\w+ )?[a-z]+"
    r"|(?:correct|fix|check|improve|polish|proofread|edit|clean up) (?:the |my )?(?:\w+ )?(?:grammar|spelling"
    r"|style|wording|punctuation"
    r"|typos?|mistakes|errors|text|sentences?|english|german|french|spanish)"
    r"|(?:proofread|translate|paraphrase|rephrase|rewrite|summari[sz]e) this"
    r"|(?:ubersetz|korrigier|verbesser)\w*(?: (?:das|dies|den text|die grammatik|die rechtschreibung"
    r"|den stil))?(?: (?:ins|auf) \w+)?"
    r"|(?:traduce|traduzca|corrige|corrija|mejora|mejore)(?: (?:esto|el texto|la gramatica|la ortografia"
    r"|el estilo))?(?: al? \w+)?"
    r"|(?:traduis|traduisez|corrige|corrigez|ameliore|ameliorez)(?: (?:ceci|ca|le texte|la grammaire"
    r"|l'orthographe|le style))?(?: en \w+)?"
    r"|(?:traduci|traduca|correggi|corregga|migliora)(?: (?:questo|il testo|la grammatica|l'ortografia"
    r"|lo stile))?(?: in \w+)?"
    r"|(?:traduza|traduz|corrija|melhore)(?: (?:isto|isso|o texto|a gramatica|a ortografia"
    r"|o estilo))?(?: (?:para|em) (?:o )?\w+)?"
    r"|(?:请)?(?:把[^。]{0,6})?(?:翻译|译)(?:成|为|到)?\w{0,4}|(?:请)?(?:修改|润色|检查|改正)(?:一下)?(?:语法"
    r"|文字|下文|错别字)"
    r"|\w{1,5}に(?:翻訳|訳)して(?:ください)?|(?:文法|誤字)を(?:直|修正)して(?:ください)?)(?:,? (?:please|pls"
    r"|bitte|por favor"
    r"|svp|stp|thanks))?\W*\Z"
)
_REST = re.compile(r"[ \t]*")
_ASKS = 400  # characters at most of a line that asks to look at what follows
# what is done with the text of somebody else that follows behind a colon
_ANNOUNCES = re.compile(
    r"(?<!\w)(?:"
    r"i (?:got|received|found|read|saw|overheard|heard)|here(?:'s| is| are|s)|pasted|as follows|the following"
    r"|passage|excerpt|says|reads|wrote|noted|writes"
    r"|(?:(?<![^.,;] )(?<!\w)|(?<=please )|(?<=you )|(?<=to )|(?<=and ))(?:translate|proofread|proof-read"
    r"|summari[sz]e|rephrase|paraphrase|rewrite|correct|review|critique|polish|shorten|edit|analy[sz]e"
    r"|annotate|transcribe|classify|explain|improve|check)"
    r"|gesagt|geschrieben|gefunden|gehort|(?:ubersetz|korrigier|formulier|bewerte|transkribier"
    r"|zusammenfass)\w*|fass\w*|hier (?:ist|der|die|das|kommt|steht|mein|meine|unser|unsere)|steht|stand"
    r"|lei|escribio|traduce\w*|traduzca|corrige\w*|corrija|resume\w*|resuma|revisa\w*|revise|encontre|heredado"
    r"|herede|aqui (?:esta|va|tienes|vai)|te (?:copio|pego|paso)|pone|reza|normas? (?:al|a la|a los)"
    r"|note|lu|trouve|retrouve|recu|copie|colle|transfere|traduis|traduisez|corrigez|resumez|relis|relisez"
    r"|voici|repondu"
    r"|trascriv\w+|trascrivo|traduci\w*|correggi\w*|riassumi\w*|letto|trovato|ricevuto|copiato|incollato|ecco"
    r"|riporto|scrive"
    r"|traduz|li|vi|encontrei|achei|segue|recebi|copiei|colei|repete"
    r")(?!\w)|翻译|润色|校对|总结|日记|来信|公告|提示词|说明书|翻訳|訳して|校正|添削|要約|日記|手紙|貼り紙"
    r"|説明書|見つけ|作った",
)
# of these the ones that announce one's own list as well
_PRESENTS = re.compile(
    r"(?<!\w)(?:here(?:'s| is| are|s)|as follows|the following|hier (?:ist|der|die|das|kommt|mein|meine|unser|unsere)"
    r"|aqui (?:esta|va|tienes|vai)|voici|ecco|segue)(?!\w)"
)
# what one asks for oneself: the rules, my instructions, how i want you to answer; not the rules of the club
_OWN_LIST = re.compile(
    r"(?<!\w)(?:"
    r"(?:my|the|these|your|some|a few|following|one)(?: (?:ground|basic|general|standing|main|new|style|formatting"
    r"|writing|answering|coding|dietary|food|simple|strict|important|personal|following|few|own))*"
    r" (?:rules?|preferences|allergies|intolerances|(?<=dietary )(?:restrictions|needs|requirements))"
    r"|(?:my|your)(?: \w+)? (?:instructions|requirements|constraints|conventions|conditions|guidelines|restrictions)"
    r"|how (?:i want|i'd like|i would like|i need) you to (?:answer|reply|respond|write|talk|speak|behave|act|work"
    r"|format|address|treat)(?: (?:me|to me|with me|your \w+))?|what i (?:want|expect|need) (?:from|of) you"
    r"|here's the (?:thing|deal)"
    r"|(?:die|meine|folgende|diese) (?:regeln|vorgaben|wunsche|allergien)"
    r"|(?:las|mis|estas|siguientes) (?:reglas|normas|preferencias|alergias)"
    r"|(?:les|mes|quelques|ces) (?:regles|consignes|preferences|allergies)"
    r"|(?:le|le mie|alcune|queste) (?:regole|istruzioni|preferenze|allergie)"
    r"|(?:as|as minhas|minhas|estas) (?:regras|instrucoes|preferencias|alergias)"
    r")(?= ?(?:\Z|[:,.]| (?:for (?:you|your|every|each|all|any|this|our|the rest|me)|you|i|to (?:follow|keep|obey)|that"
    r" (?:you|i)|from (?:now|here)|in (?:this|our|every|all)|when|while|below|are|is|please|fur (?:dich|alle|jede\w*)"
    r"|ab (?:jetzt|sofort)|para (?:ti|todas|todos|cada)|pour (?:toi|vous|tou\w+|chaque)|a suivre"
    r"|per (?:te|tutt[ei]|ogni)|da seguire)(?!\w)))"
    r"|(?:以下|下面)(?:几|这些)?(?:条|个|点)?(?:就)?(?:是|为|的)?(?:我的?)?(?:规则|規則|规矩|規矩|要求|偏好)[:。]?\Z"
    r"|以下の(?:ルール|決まり|規則)(?:を(?:必ず)?守って(?:ください)?|に従って(?:ください)?|でお願いします|です)?[:。]?\Z",
)
# how a sentence begins that gives a list rather than asks for work on one
_GIVES_LIST = re.compile(
    r"\W*(?:(?:please|pls|so|ok|okay|and|also|now|first|hi|hello|hey|thanks|from now on|going forward|bitte|also"
    r"|por favor|alors|bon|allora|bene|bom)\W+)*(?:here|hier|aqui|voici|ecco|segue|my|i have"
    r"|(?:you (?:must|should|will|are to) |i (?:want|need|expect|would like) you to |always |strictly )*"
    r"(?:follow|keep to|stick to|obey|respect|observe|apply|work by)"
    r"|folgende|diese|(?:[请請你])*(?:严格|嚴格|务必)?(?:遵守|遵循|按照)?(?=以下|下面))(?!(?<=[a-z])[a-z])",
)
# where a text stands: what follows behind "on the box:" is the box's, behind "in every letter of yours:" the user's
_SOURCE = re.compile(
    r"(?<!\w)(?:note|letter|e-?mail|mail|manual|contract|lease|sign|review|post|comment|draft|essay|story|poem"
    r"|song|script|scene|prompt|policy|poster|leaflet"
    r"|memo|speech|toast|caption|label|docstring|question|box|bottle|package|packaging|door|wall|board|diary"
    r"|ledger|website|forum|recipe|column|motto|proverb|commandments?"
    r"|brief|zettel|schild|plakat|aushang|vertrag|hausordnung|schachtel|packung|flasche|etikett|tur|wand|tafel"
    r"|tagebuch|anleitung|handbuch|spruch|gedicht|rezension|diff"
    r"|carta|nota|cartel|letrero|contrato|etiqueta|caja|botella|puerta|pared|pizarra|manual|folleto|refran"
    r"|poema|resena"
    r"|lettre|mot|carnet|affiche|panneau|contrat|etiquette|boite|bouteille|porte|mur|mode d'emploi|notice"
    r"|proverbe|poeme|reglement"
    r"|lettera|biglietto|cartello|contratto|etichetta|pacco|scatola|bottiglia|porta|muro|manuale|istruzioni"
    r"|confezione|proverbio"
    r"|bilhete|aviso|placa|cartaz|rotulo|caixa|garrafa|parede|receita|folheto|ditado)(?!\w)|标签|包装|牌子"
    r"|墙上|门上|合同"
    r"|信上|便条|通知|ラベル|看板|張り紙|契約書|箱に|瓶に|おやくそく",
)
_OWN_MATTER = re.compile(
    r"(?<!\w)(?:you|your|every|each|all|any|du|dein\w*|ihre?n?|sie|jede\w*|alle\w*|tus|cada|todas?|todos?|tes"
    r"|vos|votre|chaque|tous|toutes"
    r"|tuo|tuoi|tue|tua|ogni|tutt[ei]|seus?|suas?|voce)(?!\w)|每|你|您|所有|毎|各|すべて|あなた",
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]»”’]*(?=\s|\Z|\ufffc)|[。！？]+|\n+|\ufff9(?=\s+[A-Z¿¡]|[^\x00-\u024f])")
_ABBREVIATED = re.compile(
    r"(?:\b(?i:mr|mrs|ms|dr|prof|no|nr|st|sr|sra|z\.b|d\.h|u\.a|e\.g|i\.e|etc|vs|ca|bzw|art|abs|max|min|hr|fr"
    r"|mme|sig|dott|p\. ex|ej|approx)|(?<![\w.'])[A-Z])\Z"
)


def plain(text: str) -> str:
    """The text with Latin letters bare of their marks, character for character."""
    return text.translate(_PLAIN)


def own_words(text: str) -> str:
    """The message, `plain` and of the same length, with SHOWN for every character that its writer only shows."""
    own = _without(text, _CODE)
    own = plain(_without(own, _QUOTED))  # before an apostrophe and a quotation mark look the same
    own = _without_code(_without(own, _COMMAND))
    own = _without_tagged(own)  # before a closing tag is taken for a path
    for pattern in (_ADDRESS, _FORWARDED, _RULED_OFF, _POSTED, _REPORT, _LINE):
        own = _without(own, pattern)
    return _without_announced(_without_letters(_without_speakers(own)))


def sentences(own: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the sentences and lines of what `own_words` gave, without white space at their ends."""
    first = 0
    for end in (*_ends(own), len(own)):
        piece = own[first:end]
        start, stop = end - len(piece.lstrip()), first + len(piece.rstrip())
        if start < stop:
            yield start, stop
        first = end


def _ends(own: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(own):
        if match.group() == "." and _ABBREVIATED.search(own, max(0, match.start() - 8), match.start()):
            continue
        if match.group()[-1] in ")]" and own[match.end() : match.end() + 2].strip().islower():
            continue  # (sic!) in the middle
        yield match.end()


def reports(sentence: str) -> bool:
    """Whether a sentence tells what somebody else says or wants; of `own_words`, in lower case."""
    return bool((_SAYS_IN_ASCII if sentence.isascii() else _SAYS).search(sentence))


def of_somebody_else(sentence: str) -> bool:
    """Whether a sentence has somebody else, or what they wrote, for its subject; of `own_words`, in lower case."""
    return bool(_SUBJECT.match(sentence))


def _without(own: str, pattern: re.Pattern[str]) -> str:
    """Hide what a pattern matches, which is not looked for in texts that have none of its signs."""
    if pattern in _SIGNS:
        lower = own.lower()
        if not any(sign in lower for sign in _SIGNS[pattern]):
            return own
    return pattern.sub(_hidden, own)


def _hidden(match: re.Match[str]) -> str:
    """SHOWN for each character; the last is ENDED where a sentence ends with it."""
    hidden = re.sub(r"\S", SHOWN, match.group())
    return hidden[:-1] + ENDED if re.search(r"[.!?…。！？][\"'”“’‘»«」』]+$", match.group()) else hidden


def _hide(own: str, start: int, end: int) -> str:
    return own[:start] + re.sub(r"\S", SHOWN, own[start:end]) + own[end:]


def _without_tagged(own: str) -> str:
    """Hide from an opening tag to the first that closes it; of rules that the message opens with, the tags alone."""
    if rules := _OWN_TAG.match(own):
        own = re.sub(r"</?\w+>", _hidden, rules.group()) + own[rules.end() :]
    closing: dict[str, list[int]] = {}
    for match in _CLOSING_TAG.finditer(own):
        closing.setdefault(match.group(1), []).append(match.end())
    pieces, done = [], 0
    for match in _OPENING_TAG.finditer(own) if closing else ():
        ends = closing.get(match.group(1), [])
        first = bisect_right(ends, match.end())
        if match.start() >= done and first < len(ends):
            pieces += [own[done : match.start()], re.sub(r"\S", SHOWN, own[match.start() : ends[first]])]
            done = ends[first]
    return "".join((*pieces, own[done:]))


def _without_speakers(own: str) -> str:
    """Hide the lines of a transcript, told by its labels."""
    labels = [match.group(1) for match in _SPEAKER.finditer(own)]
    labels = [label for label in labels if label.isupper() or not _REMARK.fullmatch(label.lower())]
    if len(labels) > len(set(labels)) or sum(label.isupper() and len(label) > 2 for label in labels) > 1:
        own = _SPEAKER.sub(_hidden, own)
    small = [match.group(1) for match in _SMALL_SPEAKER.finditer(own)]
    is_log = len(small) > len(set(small)) or any(map(_PERSON.match, small))
    return _SMALL_SPEAKER.sub(_hidden, own) if is_log else own


def _without_code(own: str) -> str:
    """Hide lines of code without a fence, and the comments and indented lines right beside them."""
    lines = own.split("\n")
    code = [bool(_CODE_LINE.match(line)) for line in lines]
    if not any(code):
        return own
    beside = [bool(line.strip()) and bool(_COMMENT_LINE.match(line) or line[0] in " \t") for line in lines]
    for order in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
        for i in order:
            code[i] = code[i] or (beside[i] and code[i - order.step])
    return "\n".join(_hide(line, 0, len(line)) if hidden else line for line, hidden in zip(lines, code, strict=True))


def _without_letters(own: str) -> str:
    """Hide from a salutation on a line of its own to the farewell, or to the end; the message's own first line, "Hi,",
    opens a letter only where a farewell follows that is not the message's own end."""
    for greeting in _GREETING.finditer(own):
        if SHOWN in greeting.group():
            continue
        farewell = _FAREWELL.search(own, greeting.end())
        if farewell and not own[farewell.end() :].strip() and _OWN_MAIL.match(own):
            return own
        if farewell or own[: greeting.start()].strip():
            return _hide(own, greeting.start(), farewell.end() if farewell else len(own))
    return own


def _without_announced(own: str) -> str:
    """Hide what stands behind the colon of a sentence that announces somebody else's words: the rest of the paragraph,
    or, from a new line on, the rest of the message, unless what comes first there is hidden already."""
    ends = [0, *_ends(own)] if ":" in own else []
    for match in _COLON.finditer(own) if ends else ():
        start = ends[bisect_left(ends, match.end()) - 1]
        if own[match.start()] == ":" and _announced(own[start : match.start()].lower()):
            own = _hide_announced(own, match.end())
    return _without_handed_over(own)


def _without_handed_over(own: str) -> str:
    """Hide what stands below a request to look at it, or behind one to translate or to correct that names no text, to
    the end of the message, where nothing is hidden there yet."""
    shown = own.rfind(SHOWN)
    for start, end in sentences(own):
        rest = _REST.match(own, end)
        if end > shown and rest and rest.end() < len(own):
            sentence = own[start:end].lower().rstrip(" .!:")
            if len(sentence) < _ASKS and _WORKED_ON.match(sentence):
                return _hide(own, end, len(own))
            if own[rest.end()] == "\n" or own[end - 1] == "?":
                line = own[max(0, end - _ASKS, own.rfind("\n", 0, end - 1)) : end].lower().rstrip(" .!")
                if _HANDS_OVER.search(line) and not _lists_own(line):
                    return _hide(own, end, len(own))
    return own


def _announced(before: str) -> bool:
    """Whether what comes behind the colon is somebody else's."""
    if _SAYS.search(before + ":"):
        return True
    if _REMARK.fullmatch(before):
        return False
    if _ANNOUNCES.search(before):
        return not _lists_own(before)
    return _of_source(before)


def _of_source(before: str) -> bool:
    return bool(_SOURCE.search(before)) and not _OWN_MATTER.search(before)


def _lists_own(before: str) -> bool:
    """Whether a sentence that announces something announces what its writer asks for."""
    if not (_GIVES_LIST.match(before) and _OWN_LIST.search(before)) or _SAYS.search(before) or _of_source(before):
        return False
    return not (_ANNOUNCES.search(_PRESENTS.sub(" ", before)) or _WORKED_ON.match(before))


def _hide_announced(own: str, colon: int) -> str:
    rest = own[colon:]
    if not rest.lstrip().startswith(SHOWN):
        paragraph = rest.find("\n\n")
        whole = rest.lstrip(" \t").startswith("\n") or paragraph < 0
        return _hide(own, colon, len(own) if whole else colon + paragraph)
    return own
