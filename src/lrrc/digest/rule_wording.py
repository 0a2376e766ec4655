"""How a standing rule is worded in English, German, Spanish, French, Italian, Portuguese, Chinese and Japanese; of
Russian, Dutch, Polish, Turkish, Korean and Arabic the plain forms alone: always, never, from now on.

Every signal is a list of patterns by language. All languages are tried on every sentence, as people mix them. Patterns
are for the lower-case text of `lrrc.digest.voice.own_words`: Latin letters bare of their marks, and \ufffc for what is
only shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lrrc.digest.signals import Signal, any_of

# for how long: from now on, in every answer, whenever
ONWARD = Signal(
    {
        "en": r"from (?:now|here|today|this point|this moment|this message) (?:on|onwards?|forward)"
        r"|from (?:today|this point|now|tomorrow)|going forward|moving forward|from here(?: on)?(?: out)?"
        r"|hencefor(?:th|ward)|in (?:the )?future|until (?:i|we|further|the (?:end|incident))\b|till (?:i|we"
        r"|further)\b|as of (?:now|today)|starting (?:now|today|with)"
        r"|for the (?:rest|remainder|duration|entirety|whole) of|for (?:this|our|the) (?:whole|entire) \w+"
        r"|(?:throughout|for as long as|as long as|while) (?:this|our|the|we|i|you)\b|throughout"
        r"|(?:in|for|to|at the (?:end|start|beginning|top|bottom) of|with|after|before|under|below) (?:all"
        r"|each|every|any)(?: one)?(?: of)?(?: your| my| the)?(?: \w+)?(?: you \w+| i \w+)?"
        r"|at all times|each time|every (?:single )?time|when(?:ever)? (?:i|you|we|someone|a user|users"
        r"|the user|asked|unsure|in doubt)\b|any time|no longer|any ?more|for good|permanently|by default"
        r"|as a (?:standing )?rule"
        r"|(?:applies|apply|valid) (?:to|for) (?:all|every|everything)|from then on|in this (?:chat"
        r"|conversation|thread|project|session)|in our (?:chat|conversations?|sessions?)|for everything"
        r"|(?:standing|house|ground) (?:rule|order)s?",
        "de": r"ab (?:jetzt|sofort|heute|hier|nun|morgen|dieser (?:stelle|nachricht))|von (?:jetzt|nun|hier"
        r"|heute) an|kunftig|zukunftig|in zukunft|fortan|weiterhin|nur noch|nicht mehr|nie mehr|bis (?:ich"
        r"|auf weiteres|wir|zum (?:ende|schluss))"
        r"|(?:wahrend|in|fur) (?:dieser?|dieses|des|der|die|das|unserer?|unser|unseres) (?:ganzen?"
        r"|gesamten?)?\s?(?:gesprachs?|unterhaltung|chats?|projekts?|sitzung|rest|texts?|romans?|dauer)"
        r"|die ganze zeit|durchgehend|grundsatzlich|generell"
        r"|(?:in|bei|zu|nach|vor|fur|unter|an|am ende|am anfang) (?:jede[mnrs]?|alle[mnrs]?)|jedes ?mal"
        r"|jedesmal|(?:immer )?wenn (?:ich|du|sie|wir|jemand)|sobald ich|solange (?:ich|wir)|in allem"
        r"|bei allem|fur alles|dauerhaft|standardmaßig|zu jede[rm]",
        "es": r"(?:a partir de|desde|de) (?:ahora|aqui|hoy|este (?:momento|punto|mensaje)|manana"
        r"|ya)(?: en adelante| mismo)?|de aqui (?:en adelante|al final)|en (?:adelante|lo sucesivo|el futuro)"
        r"|de ahora en (?:adelante|mas)|hasta (?:que|nuevo aviso|el final)"
        r"|(?:en|durante|por) (?:toda|todo|el resto de|lo que queda de|esta|este) (?:la |el |esta |nuestra "
        r"|nuestro )?(?:conversacion|charla|chat|proyecto|sesion|texto|libro|viaje)|mientras (?:hablemos"
        r"|hablamos|dure|estemos|trabajemos|trabajamos|charlamos)|en tod[oa]s? (?:l[oa]s |tus |sus "
        r"|lo que )?\w+"
        r"|(?:en|a|con|por|de|para|tras|despues de|antes de|al (?:final|principio|inicio) de) cada|cada vez"
        r"|siempre que|cuando (?:no )?\w+|ya no|nunca mas|no mas|por defecto|por norma|hasta nuevo aviso",
        "fr": r"(?:a partir|des|a compter) (?:de |d')?(?:maintenant|aujourd'hui|present|ce (?:message|moment"
        r"|point)|ici|demain)|des(?:ormais| lors| a present)|dorenavant|a l'avenir|par la suite"
        r"|jusqu'a (?:nouvel ordre|ce que|la fin)|(?:pendant|durant|pour|dans|tout au long de) (?:toute|tout"
        r"|le reste|l'ensemble|la duree) (?:de )?(?:la|le|l'|cette|cet|ce|notre|du|de)?"
        r"|d'un bout a l'autre|chaque fois|(?:dans|a|pour|apres|avant|sous|de|a la fin de"
        r"|au debut de) (?:chaque|chacun|chacune|tou(?:te)?s (?:les|tes|vos)|tout ce que)|toutes les fois"
        r"|quand (?:je|tu|vous|on)|lorsque (?:je|tu|vous)|ne \w+ plus|plus (?:de|d'|jamais)|tant que"
        r"|par defaut|en permanence|permanentes?",
        "it": r"d'ora (?:in poi|in avanti|innanzi)|da (?:ora|adesso|qui|oggi|questo momento"
        r"|domani)(?: in (?:poi|avanti))?|in futuro|fino a (?:nuovo ordine|quando|che)|finche|per (?:tutt[ao]"
        r"|il resto)(?: \w+){0,3} (?:conversazione|chat|progetto|sessione|chiacchierata|testo|libro|viaggio"
        r"|durata)"
        r"|(?:in|a|per|dopo|prima di|sotto|alla fine di|all'inizio di|di) (?:ogni|ciascun[oa]?|tutt[ei] (?:le"
        r"|i|gli)|tutto quello che|tutto cio che)|ogni volta|ogniqualvolta|quando (?:non )?\w+"
        r"|non \w+ (?:\w+ )?piu|mai piu|niente piu|durante tutt[ao]|di norma|per default|nel codice che",
        "pt": r"(?:a partir|de) (?:de )?(?:agora|hoje|aqui|ja|deste (?:momento|ponto)|amanha)(?: em diante"
        r"| pra frente| para a frente)?|daqui (?:em diante|pra frente|para a frente|por diante)|doravante"
        r"|no futuro|ate (?:que|segunda ordem|eu|o fim|nova ordem|ao fim)|(?:durante|em|por|no|na) (?:toda"
        r"|todo|o resto d[aoe]|esta|este|nossa|nosso) (?:a |o )?(?:conversa|chat|projeto|projecto|sessao|texto"
        r"|livro|viagem)"
        r"|(?:em|a|com|para|pra|apos|depois de|antes de|no (?:final|fim|inicio) de) (?:cada|tod[oa]s? (?:as "
        r"|os |eles|elas)?|tudo (?:o )?que)|(?:cada|toda|todas as) vez(?:es)?|sempre que|quando (?:nao )?\w+"
        r"|nao \w+ mais|nunca mais|enquanto|por padrao|o tempo todo|ao longo de tod[oa]",
        "zh": r"从(?:现在|今天|今|此|这|下)[^。！？]{0,6}?(?:起|开始|往后|以后)|從(?:現在|今天"
        r"|今)[^。！？]{0,4}?起|(?:以后|今后|往后|此后|今後|以後)"
        r"|接下来(?:都|的|所有|每)|之后(?:都|的|所有|每)|每(?:次|当|一次|一?[个章条道篇段封句天份首题项轮])"
        r"|一直|始终|全程|始終|永远|一律|凡是|所有(?:的)?|任何"
        r"|到(?:最后|底)都|直到|在我.{1,8}之前|除非|没有?我的?(?:同意|允许|许可)|整个(?:对话|项目|过程)"
        r"|这(?:次|个)(?:对话|项目|聊天)(?:里|中|都)"
        r"|我不.{1,6}就|(?:当|的)时候|的话",
        "ja": r"今後|これから|今から|今日から|次(?:回)?から(?:は)?|以後|以降|この先|ここから(?:は|先)|ずっと"
        r"|毎回|毎度|いつも|常に|最後まで|(?:この|本)(?:会話"
        r"|チャット|スレッド|やりとり|プロジェクト)(?:では|中|の間|を通して)|すべて|全て|全部|たびに|(?:の"
        r"|とき|する|した|い)(?:とき|時|場合)(?:は|に)|どの|以外(?:は"
        r"|の)|までは|それまで|(?:の|る|い)間は|各|(?:たら|れば|なら)(?=[^。]{0,20}(?:てほしい|てください|こと"
        r"|して))",
        "ru": r"(?:с|начиная с) (?:этого момента|сегодняшнего дня)|отныне|впредь|с этих пор|каждый раз|в каждом ответе",
        "nl": r"vanaf (?:nu|vandaag|heden)|voortaan|van nu af aan|elke keer|in elk antwoord",
        "pl": r"od (?:teraz|dziś|dzis|dzisiaj|tej pory)|w każdej odpowiedzi",
        "tr": r"bundan sonra|bundan böyle|bundan boyle|şu andan itibaren|artık|her seferinde",
        "ko": r"앞으로|지금부터|이제부터|오늘부터|매번",
        "ar": r"من الآن فصاعدا|من الآن|من اليوم|في كل (?:رد|إجابة|مرة)",
    }
)

# always, never, only
ALWAYS = Signal(
    {
        "en": r"always|never(?! mind)|only(?: ever)?|ever|(?:and|or) nothing else|without exception"
        r"|no exceptions?|strictly|under no circumstances|invariably|consistently|nothing|nobody|no one",
        "de": r"immer|stets|nie|niemals|ausschließlich|keinesfalls|auf keinen fall|unter keinen umstanden"
        r"|ausnahmslos|jederzeit|nur",
        "es": r"siempre|nunca|jamas|solo|unicamente|exclusivamente|bajo ningun(?:a)? \w+|en ningun caso"
        r"|sin excepcion(?:es)?",
        "fr": r"toujours|jamais|uniquement|exclusivement|en aucun cas|sous aucun pretexte|sans exception"
        r"|systematiquement|seulement",
        "it": r"sempre|mai|soltanto|solo|unicamente|esclusivamente|in nessun caso|per nessun motivo|senza eccezioni",
        "pt": r"sempre|nunca|jamais|so (?:em|com|respond\w+|escrev\w+|us[ea]|fal[ea]|depois|quando|se)|somente"
        r"|apenas|unicamente|exclusivamente|em nenhum caso|em hipotese alguma|de jeito nenhum|sem excec\w+",
        "zh": r"总是|永远|绝不|绝对不|千万别|千万不|必须|务必|一定要|只能|只准|只许|只(?:用|称|给|写|回答|说"
        r"|谈|推荐)|从不|一定不|绝|严格|一律|都",
        "ja": r"必ず|絶対に?|決して|一切|常に|厳禁|禁止",
        "ru": r"всегда|никогда|только|ни в коем случае",
        "nl": r"altijd|nooit|alleen|uitsluitend",
        "pl": r"zawsze|nigdy|tylko|wyłącznie",
        "tr": r"her zaman|daima|hep|asla|sadece|yalnızca",
        "ko": r"항상|언제나|늘|절대|반드시|만 ",
        "ar": r"دائما|أبدا|فقط|لا [\\u0600-\\u06ff]+ أبدا",
    }
)

# the beginning of a clause that tells somebody to do something
DIRECT = Signal(
    {
        "en": r"please|pls|plz|you're to|(?:you|u) (?:must|should|shall|are to|will|may only|can only|need to"
        r"|have to|may not|can't|cannot|always|never|only|ought to|begin|start|open|close|end|give|write|sign"
        r"|use|call|address|greet|reckon|answer|speak|talk|reply|put|name|refer|keep|list|count|quote|serve"
        r"|offer|book|order)|(?:is|are|has|have|must|should) (?:always |never |only )?(?:to be|be) \w+"
        r"|(?:i want|i'd like|i would like|i need|i prefer|i'd prefer|i expect|i'd rather) (?:you|your|all"
        r"|every|it|them|commands|answers|replies)|i'd like (?!to\b)|make sure|be sure|let's (?:keep|stick|use"
        r"|stay|agree|speak|write)|can (?:you|u)|could you",
        "de": r"bitte|^\W*\w+e (?:mir |uns |bitte )?(?:niemals|nie|immer|stets)|(?:du|sie) (?:sollst|sollen"
        r"|musst|mussen|darfst|durfen|wirst|kannst nur)|ich (?:mochte"
        r"|will|hatte gern|wunsche|brauche|bitte)|achte(?:n sie)?|sorge(?:n sie)?|\w+en sie|duze|sieze|duzen"
        r"|siezen|(?:darf|durfen|muss|mussen|soll|sollen) (?:es )?(?:\w+ ){0,4}"
        r"|(?:antworte|schreibe?|schreib|nutze?|nutz|verwende?|nenne?|gib|sprich|rede?|halte?|zitiere?"
        r"|benutze?|benutz|erklare?|vermeide?|lass|frage?|frag|sage?|sag|rechne?|gebe?|zeige?|zeig|beginne?"
        r"|ende|beende|fuge?|fug|setze?|setz|mache?|mach|bleibe?|bleib|runde?|weise?|warne?|erwahne?"
        r"|formuliere?|fasse?|merke?|merk|nimm|spar|stelle?|stell|ubersetze?|verzichte?|liste?|kurze?|denk"
        r"|denke|beachte?|verweise?|empfiehl|markiere?|kommentiere?|lege?|leg|fuhre?|fuhr|erstelle?"
        r"|korrigiere?|hange?|berucksichtige?|plane?|behandle?|behandel|duz|siez|keine?n?)"
        r"|(?:nennst|schreibst|antwortest|gibst|machst|sprichst|benutzt|nutzt|verwendest|setzt|zitierst|zeigst"
        r"|fragst|erklarst|bleibst|rechnest|stellst|beginnst|lasst|redest|nimmst|fasst) du|du (?:nennst"
        r"|schreibst|antwortest|gibst|machst|sprichst|benutzt|nutzt|verwendest|setzt|zitierst|zeigst|fragst"
        r"|erklarst|bleibst|rechnest|stellst|beginnst|lasst|redest|nimmst)",
        "es": r"por favor|porfa|(?:debes|debe|tienes que|tiene que|has de|puedes|deberias|deberia|deben"
        r"|tienen que)|(?:quiero|necesito|prefiero|quisiera|me gustaria) que|(?:no )?(?:me |te |le "
        r"|nos )?(?:responde|responda|respondan|respondeme|respondame|contesta|conteste|contestame|escribe"
        r"|escriba|escribeme|escriban|usa|use|usen|utiliza|utilice|dame|deme|dime|dimelo|digamelo|corrigeme"
        r"|corrijame|recuerdame|mandame|digame|diga|pon|pongas|ponga|ponme|haz|hagas|haga|habla|hable|hablame"
        r"|hableme|trata|trate|tratame|trateme|llama|llame|llamame|llameme|cita|cites|cite|indica|indique"
        r"|muestra|muestre|evita|evite|incluye|incluyas|incluya|manten|mantenga|termina|termine|empieza"
        r"|empiece|cierra|cierre|redondea|redondee|avisa|avises|avise|avisame|aviseme|pregunta|preguntes"
        r"|pregunte|preguntame|explica|expliques|explique|explicame|recomienda|recomiendes|recomiende|propon"
        r"|propongas|proponga|sugieras|sugiera|sugiere|menciones|mencione|cuenta|cuentes|anade|anada|agrega"
        r"|agregue|deja|dejes|deje|corrijas|corrija|corrige|limita|limitate|limitese|recuerda|recuerde"
        r"|considera|considere|tenga|manda|mande|envia|envie|firma|firme|repitas|repita|toques|toque|cambies"
        r"|cambie|uses|utilices|escribas|respondas|llames|trates|hables|borres|borre|elimines|elimine|abras"
        r"|abra|compartas|comparta|ejecutes|ejecute|traduzcas|traduzca|traduce|pases"
        r"|inventes|invente|olvides|responder|contestar|escribir|usar|pedir|dar|cerrar|citar|evitar|poner"
        r"|hablar|tratar|incluir|mantener)|nada de|sin \w+|va(?:n)? (?:a|en|con)|tope|maximo",
        "fr": r"s'il (?:te|vous) plait|svp|stp|merci de|(?:tu|vous) (?:dois|devez|peux|pouvez|ne \w+"
        r"|m'appel\w+|me \w+|citeras|citerez|ecriras|ecrirez|repondras|repondrez|utiliseras|utiliserez|\w+ras"
        r"|\w+rez)|(?:je veux|je voudrais|j'aimerais|je souhaite|je prefere|il faut|il faudra) (?:que|qu'|des"
        r"|un|une|le|les)?|veuillez|(?:ne |n')?(?:me |m'|nous |te |lui |les |le |la |l')*(?:reponds|repondez"
        r"|ecris|ecrivez|utilise|utilisez|emploie|employez|donne|donnez|parle|parlez|appelle|appelez|tutoie"
        r"|tutoyez|vouvoie|vouvoyez|garde|gardez|cite|citez|indique|indiquez|montre|montrez|evite|evitez"
        r"|inclus|incluez|ajoute|ajoutez|termine|terminez|commence|commencez|mets|mettez|proposez|propose"
        r"|suggere|suggerez|explique|expliquez|demande|demandez|previens|prevenez|arrondis|arrondissez|limite"
        r"|limitez|reste|restez|fais|faites|dis|dites|laisse|laissez|signe|signez|compte|comptez|convertis"
        r"|convertissez|considere|considerez|signale|signalez|rappelle|rappelez|oublie|oubliez|touche|touchez"
        r"|modifie|modifiez|corrige|corrigez|recommande|recommandez|precise|precisez|prends|prenez|passe"
        r"|passez|sois|soyez|adresse|adressez|traduis|traduisez|refuse|refusez)(?:-(?:moi|nous|les|le|la"
        r"|lui))?|pas de|pas d'|aucune?|repondre|ecrire|eviter|utiliser|citer",
        "it": r"per favore|per piacere|per cortesia|(?:devi|deve|dovete|puoi|dovresti|bisogna)|(?:voglio"
        r"|vorrei|preferisco|mi serve|desidero) (?:che|solo|sempre)?|(?:non )?(?:mi |ci |me |lo |la |li |le "
        r"|si )*(?:rispondi|risponda|rispondimi|rispondere|scrivi|scriva|scrivimi|scrivere|usa|usi|usare"
        r"|utilizza|utilizzi|utilizzare|dammi|mi dia|dimmi|dica|parla|parli|parlami|parlare|chiamami|chiama"
        r"|chiami|mantieni|mantenga|cita|citi|citare|indica|indichi|mostra|mostri|evita|eviti|evitare|includi"
        r"|includa|aggiungi|aggiunga|termina|termini|chiudi|chiuda|comincia|cominci|inizia|inizi|metti|metta"
        r"|mettere|proponi|proponga|proporre|suggerisci|suggerisca|spiega|spiegala|spiegalo|spiegami|spieghi"
        r"|chiedi|chieda|chiedimi|avvisami|avvisa|avvisi|arrotonda|arrotondi|limita|limitati|resta|resti|fai"
        r"|faccia|lascia|lasci|firma|firmi|considera|consideri|tieni|tenga|ricorda|ricordati|ricordi|tocca"
        r"|tocchi|toccare|modifica|modificare|consigli|consiglia|consigliare|traduci|traduca|correggi|corregga"
        r"|dammi del|mi dia del|durino|siano|abbiano|vadano|ringrazia|passiamo|nominare|rivelare|inventare"
        r"|aggiungere|correggimi|ricordami|interrompimi|fermami|dillo|dimmelo|fammi|mandami|passami|scrivilo"
        r"|saltalo|lascialo)|niente|basta|nessun[oa]?|meglio|va(?:nno)? (?:scritt\w+|in|con)",
        "pt": r"por favor|por gentileza|pfv|(?:deve|devem|deves|tem que|tem de|tens de|tens que|pode|podes"
        r"|precisa|devera|teem que) ?(?:usar|ser|responder|escrever|caber|ter|ficar|vir)?|(?:quero|preciso"
        r"|prefiro|queria|gostaria) que|(?:nao )?(?:me |te |nos |lhe )?(?:responda|responde|respondas"
        r"|responder|escreva|escreve|escrevas|escrever|use|usa|uses|usar|utilize|utiliza|me de|diga|diz|digas"
        r"|fale|fala|fales|falar|chame|chama|chames|me chame|chama-me|chame-me|trate|trata|trates|trate-me"
        r"|trata-me|mantenha|mantem|cite|cita|cites|citar|indique|indica|mostre|mostra|evite|evita|evitar"
        r"|inclua|inclui|adicione|acrescente|acrescenta|termine|termina|feche|fecha|comece|comeca|ponha|poe"
        r"|coloque|coloca|colocar|proponha|propoe|sugira|sugere|sugerir|explique|explica|pergunte|pergunta"
        r"|avise|avisa|avisa-me|avise-me|arredonde|arredonda|limite|limita|fique|fica|faca|faz|facas|deixe"
        r"|deixa|assine|assina|considere|considera|lembre|lembra|lembre-se|mexa|mexas|mexer|mude|mudes"
        r"|recomende|recomenda|traduza|traduz|corrija|corrige|pare|mande|mencione|invente|coma|tenha|seja"
        r"|recuse|passe|converta|conte|some)|sem \w+|nada de|nenhum[a]?",
        "zh": r"先|请|麻烦|拜托|你(?:要|得|必须|应该|只|别|不要|都|就|得|给我|需要|可以)|(?:不要"
        r"|别(?![人的处墅样致])|不许|不准|不得|不能|不用|不可|勿|禁止|严禁"
        r"|切勿)|必须|务必|记得|记住|得(?!到|了)|要(?!是|求|么)|只(?:能|用|要|给|许|准|称|回答|写|说)"
        r"|用[^。！？，,]{1,10}(?:回答|回复|写|说|讲|交流|表示|标"
        r"|记|算)|控制在|不超过|最多|至少|限制|保持|避免|统一|改(?:成|用|为)|写到|写成|写得|回答|回复|称呼|叫我",
        "ja": r"(?:て|で)(?:ください|下さい|ほしい|欲しい|くれ|ちょうだい|もらえ|頂|いただ|ね|よ)|(?:しない"
        r"|ない|する|付ける|つける|使う|入れる|書く|守る|答える|返す"
        r"|にする|る|う|く|す|つ|ぬ|む)こと|(?:お願い|頼む|頼みます|よろしく)|(?:話|書|答え|使|返|呼|教え|直し"
        r"|訳し|にし|し|出し|入れ|付け|つけ|避け|守っ|見せ|やっ|呼ん"
        r"|書い|話し)(?:して|て|で)(?:[。、！!]|$)|ように(?:して|お願|願)?|べき|なさい|禁止|厳禁|不可|以内"
        r"|まで(?:に|で)|ないで|方針|ルール|ことにし|なしで|無しで"
        r"|抜きで|で(?:統一|お願い|頼)|な(?:[。！]|$)|せよ|てはいけ|てはなら|ちゃだめ",
        "ru": r"пожалуйста|(?:отвечай|пиши|говори|используй|называй|давай|указывай|пользуйся|упоминай|предлагай"
        r"|удаляй|спрашивай|обращайся|отвечайте|пишите|говорите|используйте|называйте|указывайте|упоминайте"
        r"|предлагайте|удаляйте|спрашивайте|обращайтесь|переводи|переводите|трогай|трогайте|меняй|меняйте|редактируй)",
        "nl": r"alsjeblieft|alstublieft|(?:antwoord|antwoorden|schrijf|schrijven|gebruik|gebruiken|noem|noemen"
        r"|spreek|praat|geef|zeg|vraag|vermeld|verwijder|houd|hou|vermijd|stel|spel|zet|laat|reageer|vertaal)",
        "pl": r"proszę|prosze|(?:odpowiadaj|odpowiadajcie|pisz|piszcie|mów|mow|używaj|uzywaj|podawaj|nazywaj"
        r"|zwracaj|pytaj|usuwaj|wspominaj|proponuj|stosuj|tłumacz)",
        "tr": r"lütfen|lutfen|(?:cevap ver|yanıt ver|yanit ver|cevapla|yanıtla|yaz|konuş|konus|kullan|söyle"
        r"|soyle|sor|hitap et|kullanma|yazma|söyleme|silme|önerme|bahsetme)(?:in|ın|un|ün|iniz|ınız|unuz|ünüz"
        r"|yin|yın)?",
        "ko": r"(?:해|써|하여|대답해|답해|답변해|말해|불러|사용해|알려|적어) ?(?:줘|주세요|라|야)|(?:답|대답"
        r"|답변|사용|말)(?:하세요|해요|할 것|하지 ?마)|지 ?(?:마|말아)",
        "ar": r"من فضلك|(?:أجب|أجبني|اكتب|تحدث|تكلم|استخدم|نادني|رد|اذكر|ترجم)|لا (?:تستخدم|تكتب|تذكر|تحذف|تجب"
        r"|تقترح|تتحدث)",
    },
    clause=r"(?:answer|reply|respond|write|use|give|call|keep|cite|quote|speak|talk|translate|format|show|list"
    r"|start|begin|end|finish|close|open|avoid|include|address|refer|treat|mark|round|explain|put|leave"
    r"|mention|ask|tell|make|limit|stick|add|return|output|print|assume|convert|spell|name|prefer|follow|stay"
    r"|remain|skip|omit|provide|suggest|recommend|act|be|let|wait|stop|run|commit|document|summari[sz]e|sign"
    r"|greet|number|highlight|remind|indent|wrap|sort|offer|propose|describe|express|present|report|state"
    r"|calculate|reckon|measure|switch|go back|drop|take|link|confirm|repeat|consider|count|default|do|say"
    r"|warn|flag|prefix|append|hold|obey|respect|think|set|pick|spare|restrict|focus|state|label|insert"
    r"|never (?!mind|in\b|before|again|ever|once|have|had|been)\w+|always \w+)",
)

# don't, no more, none of
PROHIBIT = Signal(
    {
        "de": r"keine?[nrms]? \w+|verzichte\w* auf|lass \w+ weg|unterlasse?|vermeide?|nicht (?:ohne|vor)",
        "es": r"(?:^|(?<=[,;:.] )|(?<=y )|(?<=pero ))no (?:me |te |le |nos |lo |la )?(?!te preocupes|importa"
        r"|se\b|es\b|hay|hace|esta|he\b|funciona|pasa|sirve|aparece|tiene|era|habia|carga"
        r"|me \w+a\b)\w+(?:[ae]s?|[ae]n|ar|er|ir)(?= |$|\W)|nada de|evit\w+|sin (?:usar|poner|decir|mencionar)",
        "fr": r"ne (?!t'inquiete|vous inquietez|sais|peux|veux|suis|comprends|crois|pense)(?:me |m'|nous |lui "
        r"|le |la |les |l')?\w+(?:ez|es?|s)? (?:pas|plus|jamais|aucune?|rien|que)|pas de|pas d'|aucune?"
        r"|evite[zr]?|plus (?:de|d')",
        "it": r"non (?:mi |ci |lo |la |li |le |ne |si )*(?!ha\b|va\b|sa\b|hai\b|era\b|sai\b|ti preoccupare"
        r"|preoccuparti|importa|c'e\b|funziona|voglio sapere|(?:mi|ti) \w+a\b)\w+(?:re|rmi|rlo|ate|ete|ite"
        r"|[ia])(?= |$|\W)|non \w+ (?:\w+ ){0,2}(?:mai|piu)|niente|nessun[oa]?|basta|evita\w*|senza (?:usare"
        r"|tradurre|dire)",
        "pt": r"nao (?:me |te |lhe |nos )?(?!sei|posso|entendo|tenho|quero saber|e\b|ha\b|consigo|se preocupe"
        r"|precisa\b|estou|foi\b)\w+|nada de|nenhum[a]?|evit\w+|sem (?:usar|dizer|explicac\w+)",
        "zh": r"(?:不要|别(?![人的处墅样致])|不许|不准|不得|不能|不可|勿|禁止|严禁|切勿|不用|绝不)",
        "ja": r"(?:ない|しない)(?:で|こと|ように)|禁止|厳禁|不可|てはいけ|てはなら|なしで|避けて|やめて"
        r"|ちゃだめ|るな(?:[。！]|$)",
    },
    clause=r"(?:(?:do not|don't|dont|do n't|no need to|stop|quit|refrain from|avoid|skip|drop|leave out|no"
    r"|nothing|never|none of) (?!worry|bother|mind|get me wrong|take (?:this|it|that) |forget to (?:bring|buy)"
    r"|know|think|have|understand|see|want|like|care|idea|problem|thanks|doubt|wonder|one\b|matter|rush|hurry"
    r"|feel|laugh|be (?:shy|mad|angry)|way\b|need\b)\w+)",
)

# how far a prohibition goes: anything, unless, in what you write
BROAD = Signal(
    {
        "en": r"any|anything|anyone|anywhere|anybody|all|every|each|everything|unless"
        r"|without (?:\w+ ){0,3}(?:asking|permission|approval|asking me|my)|until|at all|whatsoever|again|ever"
        r"|no matter|either|in your|in my|between|except|with me|to me",
        "de": r"alle[smnr]?|jede[smnr]?|ohne (?:\w+ ){0,3}(?:zu fragen|ruckfrage|erlaubnis|freigabe)|bis|außer"
        r"|irgend\w+|uberhaupt|keinerlei|solange|es sei denn|mit mir",
        "es": r"ningun[oa]?s?|nada|nadie|tod[oa]s?|cualquier|salvo|excepto|a menos que"
        r"|sin (?:\w+ ){0,3}(?:preguntar\w*|permiso|avisar\w*)|hasta|mientras|cada",
        "fr": r"aucune?|rien|personne|tou(?:te)?s?|chaque|sauf|a moins|sans (?:\w+ ){0,3}(?:demander|accord"
        r"|permission)|jusqu'|hors|tant que|nulle part",
        "it": r"nessun[oa]?|niente|nulla|nessuno|tutt[aeio]|ogni|salvo|tranne|a meno che"
        r"|senza (?:\w+ ){0,3}(?:chiedere|permesso|avvisare)|finche|qualsiasi|qualunque|parola per parola",
        "pt": r"nenhum[a]?|nada|ninguem|tod[oa]s?|tudo|cada|qualquer|salvo|exceto|a menos que|a nao ser"
        r"|sem (?:\w+ ){0,3}(?:perguntar|permissao|avisar|falar)|ate|enquanto|antes de",
        "zh": r"任何|所有|一切|除非|没有?我|未经|每|全部|都|之前|自己|擅自",
        "ja": r"一切|すべて|全て|どの|何も|誰に|限り|以外|勝手に|許可|前に|まで|には|では",
    }
)

# what is not to be touched at all: a place where work is kept, by its kind or by the name of its file
_KEPT_EN = (
    r"(?:the |my |our |any )?(?:[\w/-]+ ){0,2}?(?:folders?|director(?:y|ies)|database|schema|branch|migrations?"
    r"|(?:public|production|live) \w+|production|lock ?file|[\w-]+\.(?:json|lock|toml|ya?ml|py|js|ts|go|rs|md|txt|sql"
    r"|env|ini|cfg|xml|csv|html|css|java|sh))(?=[.,;!]?\s*$|[.,;!]? (?:please|ever|at all)\b)"
)
HANDS_OFF = Signal(
    {
        "de": r"(?:fass\w*|ruhr\w*|ander\w*|losch\w*|bearbeit\w*|uberschreib\w*) (?:sie )?(?:bitte )?(?:die|den|das"
        r"|mein\w*|unser\w*) (?:\w+ )?(?:\w*ordner|\w*verzeichnis|\w*datenbank|\w*schema|\w*branch|\w*migrationen)"
        r" nicht(?: an)?(?=[.,!]?\s*$)",
        "es": r"no (?:toques|toque|modifiques|modifique|cambies|cambie|borres|borre|edites|edite) (?:el|la|los|las"
        r"|mis?) (?:\w+ )?(?:carpetas?|directorios?|base de datos|rama|esquema|migraciones)(?: \w+)?(?=[.,!]?\s*$)",
    },
    clause=r"(?:(?:do not|don't|dont|(?:you|u) (?:must not|mustn't|may not)) (?:ever |please )?(?:touch|edit|modify"
    r"|change|alter|delete|remove|rename|overwrite|push to|commit to|write to) " + _KEPT_EN + ")",
)

# what the assistant makes: your answers, anything you write for me
OUTPUT = Signal(
    {
        "en": r"your (?:\w+ ){0,2}(?:answers?|repl(?:y|ies)|responses?|messages?|output|suggestions?"
        r"|explanations?|code|examples?|texts?|drafts?|summar(?:y|ies)|notes?|translations?|posts?|letters?"
        r"|e-?mails?|sentences|wording|writing|language|tone)|(?:anything|everything|whatever|what|all|every"
        r"|any|each|code|texts?|\w+s|\w+ \w+) (?:that )?(?:you|u) (?:write|give|send|produce|suggest|propose"
        r"|generate|output|say|make|draft|answer|create|return|announce|recommend|cannot|can't|post"
        r"|come up with)\b(?! me wrong)|(?:all|the|in|of|with|keep|short|brief|concise|limit|make) (?:answers"
        r"|replies|responses|output)|(?:each|every) (?:answer|reply|response|message|mail|e-?mail|letter|post"
        r"|chapter|section|paragraph|summary|claim|sentence|review|recipe|scene|turn|quote|translation|poem"
        r"|story|meal|dish|commit)|(?:each|every|all|any) [\w-]+ (?:for|to) (?:me|us)|whatever (?:you|u) \w+"
        r"|my (?:letters?|notes?|e?-?mails?|messages|reports?|accounts?|announcements?|documents?|slides"
        r"|posts?|texts?|chapters?|books?|invoices|recipes|files|records|guests|readers|customers|clients"
        r"|students|patients)",
        "de": r"(?:deine|ihre)[nrms]? (?:\w+ )?(?:antwort\w*|texte?\w*|nachricht\w*|vorschlag\w*|vorschlage\w*"
        r"|erklarung\w*|ausgabe\w*|beispiel\w*|entwurf\w*|ubersetzung\w*|code)|was du (?:fur mich |mir )?\w+st"
        r"|die du (?:mir |fur mich )?\w+st|(?:antworten|ausgaben)",
        "es": r"(?:tus|tu|sus|su) (?:respuestas?|mensajes?|textos?|propuestas?|explicacion(?:es)?|ejemplos?"
        r"|codigo|traduccion(?:es)?|borrador(?:es)?|sugerencias?)|(?:que|lo que) (?:me |nos )?(?:des|escribas"
        r"|propongas|mandes|digas|pases|sugieras|envies|escribes|propones|das|mandas|dices)|(?:respuestas"
        r"|las respuestas)",
        "fr": r"(?:tes|ta|ton|vos|votre) (?:reponses?|messages?|textes?|propositions?|explications?|exemples?"
        r"|code|traductions?|suggestions?|resumes?)|(?:que|ce que) (?:tu|vous) (?:m'|me |nous )?(?:ecris"
        r"|ecrivez|proposes|proposez|donnes|donnez|envoies|envoyez|dis|dites|fais|faites|affirmes|produis"
        r"|rediges|redigez)|(?:reponses|les reponses)",
        "it": r"(?:le |la |il |i |nelle |nella |nei )?(?:tue|tua|tuo|tuoi|sue|suoi) (?:rispost[ae]|messagg[io]"
        r"|test[io]|propost[ae]|spiegazion[ei]|esemp[io]|codice|traduzion[ei])|(?:che|quello che"
        r"|cio che) (?:mi |ci |tu )?(?:dai|scrivi|proponi|mandi|dici|fai|suggerisci|produci|consigli)"
        r"|(?:nelle |le )?risposte",
        "pt": r"(?:(?:as |os |a |o |nas |nos )?(?:suas|sua|seu|seus|tuas|tua|teu|teus)) (?:respostas?"
        r"|mensagens|mensagem|textos?|propostas?|sugestoes|explicac\w+|exemplos?|codigo|traduc\w+)|(?:que"
        r"|o que) (?:voce|vc|tu) (?:me |nos )?(?:der|escrever|sugerir|propuser|mandar|enviar|disser|fizer|da"
        r"|escreve|sugere|manda|diz)|(?:respostas|as respostas)",
        "zh": r"你(?:的)?(?:回答|回复|答案|写的|给我的|给的|输出|推荐的|建议|翻译|文字|代码)|(?:回答|回复|答复"
        r"|输出)(?:的时候|时|要|得|都|不|控制|用|尽量|请|必须)",
        "ja": r"(?:返答|回答|返信|返事|答え|出力|文章|説明|提案)(?:は|には|では|で|を|に)|(?:書いて|出して"
        r"|教えて|作って)(?:くれる|もらう|いただく)",
    },
    clause=r"answers|replies|responses|output",
)

# manner of what is made: units, prices, sources; "all prices in euros"
MANNER = Signal(
    {
        "en": r"(?:all|every|each|any) (?:\w+ ){0,2}(?:prices?|numbers?|figures|dates?|times?|amounts?|units?"
        r"|measure\w*|temperatures?|durations?|sources?|claims?|quotes?|citations?|headings?|names?|sums?"
        r"|weights?|distances?|sizes?|recipes?|functions?|comments?|variables?|quantit\w+|statements?|quer(?:y"
        r"|ies)|lines?|paragraphs?|sections?|terms?|abbreviations?|currenc\w+|dishes|meals?|ingredients?"
        r"|dosages?|steps?)|(?:prices?|temperatures?|distances?|weights?|dates?|times?|amounts?|units?|sums?"
        r"|costs?|measurements?|numbers?|commit messages|comments|headings|file names|variable names"
        r"|code) (?:are |is |go |always |should be |must be )?(?:always |only )?(?:in|as|to|with|on) ",
        "de": r"(?:alle[nr]?|jede[nrms]?|samtliche) (?:\w+ ){0,2}\w+|(?:preise|zahlen|daten|betrage|maße"
        r"|temperaturen|entfernungen|quellen|zeiten|uhrzeiten|mengen|namen|gewichte|commit-nachrichten"
        r"|kommentare|variablen|uberschriften|dateinamen) (?:\w+ ){0,3}(?:in|als|auf|mit|nur) ",
        "es": r"(?:todos los|todas las|los|las|cada) (?:\w+ ){0,1}(?:precios?|numeros?|fechas?|horas?"
        r"|cantidades|medidas?|temperaturas?|duraciones|fuentes?|importes?|nombres?|pesos?|distancias?|cifras?"
        r"|propuestas?|recetas?|comentarios?|titulos?|montos?|unidades)",
        "fr": r"(?:tou(?:te)?s les|les|chaque) (?:\w+ ){0,1}(?:prix|nombres?|dates?|heures?|quantites|mesures?"
        r"|temperatures?|durees?|sources?|montants?|noms?|poids|distances?|chiffres?|recettes?|commentaires?"
        r"|titres?|menus?|unites?|sommes?)",
        "it": r"(?:tutt[ie] (?:i|le|gli)|i|le|gli|ogni|di ogni) (?:\w+ ){0,1}(?:prezz[io]|numer[io]|dat[ae]"
        r"|or[ae]|orar[io]|quantita|misur[ae]|temperatur[ae]|durat[ae]|font[ei]|import[io]|nom[ei]|pes[io]"
        r"|distanz[ae]|cifr[ae]|ricett[ae]|comment[io]|titol[io]|dosaggi\w*|unita|esercizi|consigli)",
        "pt": r"(?:tod[oa]s (?:os|as)|os|as|cada) (?:\w+ ){0,1}(?:precos?|numeros?|datas?|horas?|horarios?"
        r"|quantidades?|medidas?|temperaturas?|durac\w+|fontes?|valores|nomes?|pesos?|distancias?|receitas?"
        r"|comentarios?|titulos?|manchetes|unidades)",
        "zh": r"(?:价格|数字|日期|时间|金额|单位|温度|长度|重量|距离|名字|人名|地名|注释|标题|来源|出处|代码"
        r"|菜谱|变量名?)[^。！？]{0,6}(?:都|一律|全部|统一|必须|要|用|不)",
        "ja": r"(?:価格|値段|数字|日付|時刻|時間|金額|単位|温度|長さ|重さ|距離|名前|人名|地名|注釈|コメント"
        r"|見出し|出典|コード|レシピ|変数名?|数値|漢字|固有名詞)(?:は"
        r"|に(?:は)?|を)",
    }
)

# how long an answer may be
LIMIT = Signal(
    {
        "en": r"(?:at most|no more than|not more than|maximum(?: of)?|max\.?|up to|fewer than|less than|under"
        r"|within|below|no longer than|limited to|one|two|three|four|five|six|\d+) (?:\w+ ){0,2}(?:words?"
        r"|sentences?|lines?|paragraphs?|characters|bullets?(?: points)?|items?|pages?|tokens|steps?"
        r"|per (?:message|reply|answer))|as (?:short|brief) as|short|brief(?:ly)?|concise(?:ly)?",
        "de": r"(?:hochstens|maximal|max\.?|nicht (?:langer|mehr) als|nie mehr als|unter|bis zu|ein|zwei|drei"
        r"|vier|funf|\d+) (?:\w+ ){0,2}(?:worte?r?n?|satze?n?|zeilen?|absatze?n?|zeichen|stichpunkte?n?"
        r"|punkte?n?|seiten?)|kurz|knapp",
        "es": r"(?:como maximo|maximo(?: de)?|no mas de|menos de|hasta|en|de|un|una|dos|tres|cuatro|cinco"
        r"|\d+) (?:\w+ ){0,2}(?:palabras?|frases?|lineas?|parrafos?|caracteres|oraciones?|renglones|puntos)"
        r"|breves?|cort[oa]s?",
        "fr": r"(?:au (?:plus|maximum)|maximum|pas plus de|moins de|en|de|un|une|deux|trois|quatre|cinq"
        r"|\d+) (?:\w+ ){0,2}(?:mots?|phrases?|lignes?|paragraphes?|caracteres|signes|points)|breves?"
        r"|court(?:e)?s?|bref",
        "it": r"(?:al massimo|massimo|non piu di|meno di|in|di|un|una|due|tre|quattro|cinque"
        r"|\d+) (?:\w+ ){0,2}(?:parol[ae]|fras[ie]|righ[ae]|paragraf[io]|caratteri|battute|punti)|brev[ei]"
        r"|cort[aeio]",
        "pt": r"(?:no maximo|maximo(?: de)?|nao mais (?:do )?que|menos de|ate|em|de|um|uma|dois|duas|tres"
        r"|quatro|cinco|\d+) (?:\w+ ){0,2}(?:palavras?|frases?|linhas?|paragrafos?|caracteres|toques|oracoes"
        r"|topicos|pontos)|curt[oa]s?|breves?",
        "zh": r"(?:不超过|最多|控制在|少于|以内|限制?在?|不得超过|至多)[^。！？]{0,8}(?:字|句|行|段|条|点|个字"
        r"|句话|词)|(?:[一二三两四五六七八九十\d]+)(?:个字"
        r"|字|句话?|行|段|条)(?:以内|之内|左右)|简短|简洁",
        "ja": r"[一二三四五六七八九十\d]+(?:文字|字|文|行|語|段落|点|個|箇条|つ)(?:以内|まで|以下|程度|に収め)"
        r"|短く|簡潔に|手短に",
    }
)

# telling the assistant how to answer: the verb alone makes what follows a manner that holds
ANSWER = Signal(
    {
        "de": r"(?:antworte|antworten sie|sprich|sprechen sie|rede|reden sie)(?: mir| mit mir| bitte| nur"
        r"| immer| mir bitte)* (?:auf|in|mit|wie|hochstens|kurz|knapp|nur|immer|stets)",
        "es": r"(?:responde(?:me)?|responda(?:me)?|contesta(?:me)?|conteste(?:me)?|habla(?:me)?|hable(?:me)?"
        r"|responder|respondan)(?: siempre| solo| unicamente)? (?:en|con|como|de|solo)",
        "fr": r"(?:reponds|repondez|parle|parlez)(?:-moi|-nous)?(?: toujours| uniquement)? (?:en|avec|comme"
        r"|par|uniquement)",
        "it": r"(?:rispondi(?:mi)?|risponda(?:mi)?|parla(?:mi)?|parli|rispondere)(?: sempre| solo"
        r"| soltanto)? (?:in|con|come|per|solo)",
        "pt": r"(?:responda(?:-me)?|responde(?:-me)?|fale|fala|responder)(?: comigo)?(?: sempre| so"
        r"| apenas)? (?:em|com|como|por|so|apenas)",
        "zh": r"(?:请)?用[^。！？，,]{1,8}(?:回答|回复|答复|跟我说|和我说|交流|聊)|(?:回答"
        r"|回复)(?:我)?(?:请)?(?:用|只用|都用)",
        "ja": r"(?:で|は)(?:答え|返事し|返信し|回答し|話し|しゃべっ)て",
    },
    clause=r"(?:answer|reply|respond|speak|talk|write back)(?: to)?(?: me| us)?(?: always| only)? (?:in|with"
    r"|as|like|using|at|briefly|short\w*|concisely|only)",
)

# forms of address
ADDRESS = Signal(
    {
        "en": r"(?:you (?:can|may|should) |please |just |to |pls |and |do )?(?:call|address"
        r"|greet) me(?! (?:back|at|on|when|if|tomorrow|later|today|crazy|old|about|a\b|an\b))(?: as| by)? \w+"
        r"|treat me like|(?:i go by|i'm called|i prefer to be called|being called|my name in|my pronouns"
        r"|(?:it's|its) (?:mr|mrs|ms|dr|prof)\b)|refer to (?:me|us|it|them|him|her|this|the \w+) as|(?:use"
        r"|with) (?:my first name|my last name|first names|(?:they|she|he)/\w+)|(?:i go by|goes by)",
        "de": r"nenn(?:e|en sie)? mich|sprich mich|sprechen sie mich|duze?n?(?: sie)? (?:mich|wir|uns)"
        r"|sieze?n?(?: sie)? mich|siezen|duzen|beim (?:du|sie)|per (?:du|sie)|(?:du|sie) sagen"
        r"|sag(?:en sie)? (?:du|sie)|mit (?:du|sie|vornamen)|anrede",
        "es": r"lla(?:ma|me)me|me llamas|puedes llamarme|(?:me )?llam(?:a|e)nme|trata?e?(?:me|nos) (?:de|como)"
        r"|tutea(?:me)?|hable?a?me de (?:tu|usted|vos)|de (?:tu|usted|vos)|dig?ame|prefiero que me (?:llames"
        r"|digas|trates)",
        "fr": r"appel(?:le|ez)[- ]moi|tutoie?[- ](?:moi|nous)|tutoyez[- ]moi|vouvoie[- ]moi|vouvoyez[- ]moi"
        r"|tu peux me (?:tutoyer|dire tu)|on se (?:tutoie|vouvoie|dit tu)|dis[- ]moi (?:tu|vous)",
        "it": r"chiama(?:mi|teci)|mi chiami|dammi del (?:tu|lei)|mi dia del (?:tu|lei)|diamoci del (?:tu|lei)"
        r"|dam+oci del|del (?:tu|lei)|puoi chiamarmi|preferisco essere chiamat\w",
        "pt": r"(?:me )?cham[ea](?:-me)?(?: de)? (?:\w+)(?<!atencao)|pode(?:s)? (?:me )?chamar(?:-me)?"
        r"|trat[ea](?:-me)? (?:por|de|como)|me trat[ea]|por (?:tu|voce)|de (?:voce|senhor|senhora|doutor)"
        r"|prefiro ser chamad\w",
        "zh": r"(?:叫|称呼|喊)我(?!们?去|们?吃|起|过|来|回|做)|(?:称|用)[“\"\ufffc]?(?:您"
        r"|你)[”\"\ufffc]?(?:称呼|来称)",
        "ja": r"(?:と|って)(?:呼ん|呼ば|お呼び)|(?:呼び方|呼び捨て)|敬語(?:で|なし|は|を)|タメ口|(?:さん"
        r"|ちゃん|様)付け|関西弁で話",
    }
)

# remember this
REMEMBER = Signal(
    {
        "en": r"(?:keep|bear) (?:that|this|it) in mind|keep in mind(?: that)?|(?:please |and |just "
        r"|so )?remember (?:that|this|it)|don't forget (?:that|this)|(?:please )?(?:note|take note) that"
        r"|make a note|for (?:future )?reference|when i (?:say|write|type|mention|paste|ask|send|post)"
        r"|by .{1,20} i (?:always )?mean|stick to (?:that|this) (?:name|word|term|spelling)|the (?:opening"
        r"|closing|first|last|greeting|subject|sign-off)(?: \w+)? (?:for|of|in) my (?:\w+ )?\w+ (?:is|are)"
        r"|rule (?:for|is|of)|my rule|as a rule|i insist",
        "de": r"merk(?:e|en sie)? (?:dir|sich|ihnen)|behalte?n?(?: sie)? (?:das )?im (?:kopf|hinterkopf)"
        r"|denk(?:e|en sie)? (?:bitte )?(?:immer )?daran|vergiss (?:das )?nicht(?:,|$)"
        r"|wenn ich .{1,30} (?:sage|schreibe|frage|schicke)|mit .{1,20} meine ich|zur info|bitte beachte",
        "es": r"ten(?:ga)? (?:en cuenta|presente)|tenlo en cuenta|tengalo en cuenta|recuerda(?:lo)? que"
        r"|recuerdalo|acuerdate|no (?:lo )?olvides|cuando (?:te )?diga|apuntalo|apuntatelo|toma nota",
        "fr": r"(?:garde|gardez)(?:-le)? (?:ca |cela )?(?:en tete|a l'esprit)|n'oublie(?:z)? pas (?:que|ca"
        r"|cela)|souviens-toi|souvenez-vous|retiens|retenez|note(?:z)?(?: bien)?(?:-le| que)"
        r"|tiens(?:-en)? compte|tenez(?:-en)? compte|quand je (?:dis|parle)",
        "it": r"tieni(?:lo)? (?:presente|a mente|conto)|tienine conto|tenga (?:presente|conto)|ricorda(?:ti"
        r"|telo|tene)? (?:che|di|sempre)|ricordatelo|non (?:ti )?dimenticare|segnati|prendi nota|quando dico"
        r"|quando ti (?:incollo|mando|scrivo|chiedo)",
        "pt": r"(?:leve|leva|tenha|tem) (?:isso )?em (?:conta|mente)|lembr[ea](?:-se|-te)?(?: disso| sempre"
        r"| de que| que)|nao (?:se )?esquec[ae]s?|anot[ae](?: ai)?|guard[ae] isso|quando eu (?:disser|digo"
        r"|falar|mandar)|toda vez",
        "zh": r"记(?:一下|住|好|着)|别忘了?|请注意|注意[:：]|当我说|我说[^。]{1,10}(?:指|就是)|备注一下",
        "ja": r"覚えて(?:おい|て|ください)|忘れないで|念頭に|踏まえて|前提(?:で|に|として)|ご承知|考慮して"
        r"|気をつけて|といえば|(?:と言ったら|って言ったら)",
    }
)

# lasting facts of the speaker that bind what is said later
_HEALTH_EN = r"allergic|intolerant|vegan|vegetarian|pescatarian|diabetic|coeliac|celiac|colou?r[- ]?blind"
r"|blind|deaf|hard of hearing|dyslexic|pregnant|epileptic|autistic|asthmatic|left-handed|halal|kosher"
FACT = Signal(
    {
        "en": r"(?:i'm|i am|im|she's|he's|we're|we are|they're|she is|he is|they are|my \w+ is|my \w+ are|both"
        r"|i've been|who is) (?:\w+ ){0,3}(?:" + _HEALTH_EN + r")"
        r"|(?:i|we|she|he) (?:have|has|suffer from) (?:an? |severe |bad )*(?:\w+ ){0,2}(?:allerg\w+"
        r"|intolerance|diabetes|dyslexia|asthma|coeliac|celiac|epilepsy|arthritis|migraines?|adhd|vertigo"
        r"|tinnitus)|(?:nut|peanut|gluten|lactose|dairy|egg|shellfish|soy)[- ](?:allergy|free|intolerant)"
        r"|suffer from"
        r"|(?:my|our|his|her) \w+ (?:can't|cannot|doesn't|does not|won't|isn't allowed to) (?:eat|drink|have"
        r"|drive|see|hear|read|walk|use|tolerate|speak|take|climb|fly)|(?:i|we) (?:never"
        r"|no longer) (?:really )?(?:eat|drink|drive|fly|smoke"
        r"|work (?:on|with|fri|mon|tues|wednes|thurs|satur|sun))|(?:i|we) (?:can't|cannot|can not|don't"
        r"|do not|dont|won't) (?:really )?(?:eat|drink|drive|fly|use|own|swim|read|hear|walk"
        r"|climb|speak|smoke|touch|stand|work (?:on|with|fri|mon|tues|wednes|thurs|satur|sun)|take (?!it|this"
        r"|that)|lift|run (?!it|into)|have (?:a|an|any|access|admin|room|space))|i (?:don't|do not"
        r"|never) do (?!this|that|it\b|anything|not\b|you\b|know)\w+|i (?:only|just) (?:read|have(?! \d"
        r"| an hour| a minute| a question| time| one| two| until)|eat|drink"
        r"|use|speak|work|own)|i (?:have|own|got) (?:no|neither) (?!idea|clue|doubt|problem|reason|plan"
        r"|question|time)|i (?:sign|use a wheelchair|use a screen ?reader|wear hearing aids|live (?:without"
        r"|off))|(?:we|our \w+) (?:are|is) (?:fully |entirely |all |strictly )?(?:on|halal|kosher|vegan"
        r"|vegetarian)\b|(?:is|are) cut off|i'm fasting|only speaks?|doesn't speak|don't speak|(?:out"
        r"|off[- ]limits) for (?:me|us|her|him)",
        "de": r"(?:ich|er|sie|wir|es|kind|tochter|sohn|frau|mann|mutter|vater)(?: \w+){0,3} (?:allerg\w+"
        r"|vegan\w*|vegetarier\w*|vegetarisch|diabetiker\w*|farbenblind|blind|gehorlos|schwerhorig|schwanger"
        r"|zoliakie|legastheni\w+|intoleran\w+|laktoseintolerant|unvertraglichkeit)|\w*allergie"
        r"|\w+unvertraglichkeit|(?:mein|meine|unser|unsere) \w+ (?:vertragt|isst|trinkt|darf|kann"
        r"|mag)(?: \w+){0,3} (?:kein\w*|nicht|nie)|ich (?:vertrage?|esse?|trinke?|rauche?|fahre?|fliege?"
        r"|arbeite?|nutze?|benutze?|mag|kann|darf)(?: \w+){0,4} (?:kein\w*|nicht|nie|niemals)"
        r"|ich hab(?:e)?(?! heute| gerade| jetzt| noch)(?: \w+){0,4} (?:kein\w*|nur)(?! zeit| ahnung| lust"
        r"| problem\w*| frage\w*| idee\w*"
        r"| bock)|wir haben(?: \w+){0,3} (?:kein\w*|nur)|(?:sitze im|im) rollstuhl|gibts hier nie"
        r"|keine? (?:rechte|fuhrerschein|auto|backofen)|ich (?:lese|hore) nur|leide an",
        "es": r"(?:soy|somos|es|son|estoy|esta) (?:\w+ ){0,3}(?:alergic[oa]s?|vegan[oa]s?|vegetarian[oa]s?"
        r"|diabetic[oa]s?|celiac[oa]s?|daltonic[oa]s?|ciego|ciega|sord[oa]s?|dislexic[oa]s?|embarazada"
        r"|intolerantes?|zurd[oa]s?)|alergia|intolerancia|celiaquia|padezco|sufro de"
        r"|tengo (?:\w+ ){0,2}(?:alergia|diabetes|vertigo|asma|celiaquia)|mi \w+ no (?:come|bebe|puede|tolera"
        r"|toma|oye|ve)|no (?:como|bebo|tomo|conduzco|manejo|fumo|puedo (?:comer|beber|tomar|caminar|subir"
        r"|usar|correr)|tengo (?:coche|carro|horno|internet|permisos?|acceso|lavavajillas|microondas|batidora"
        r"|impresora|licencia|jardin|balcon)|trabajo (?:los|el)|uso|veo bien|oigo)|ya no llego|me pierdo"
        r"|(?:ando|voy) en silla|solo (?:leo|tengo|uso|puedo|como|hablo)|nunca (?:como|bebo|trabajo|conduzco"
        r"|tomo)|no tengo (?:ni )?\w+ ni",
        "fr": r"(?:je suis|il est|elle est|nous sommes|on est|ils sont|elles sont|mon \w+ est"
        r"|ma \w+ est) (?:\w+ ){0,3}(?:allergiques?|vegan[es]*|vegetarien\w*|vegetalien\w*|diabetiques?"
        r"|coeliaques?|daltonien\w*|aveugles?|sourd[es]*|malentendant\w*|dyslexiques?|enceinte|intolerante?s?"
        r"|gaucher\w*|asthmatiques?)|allergies?|intolerance|je souffre|(?:mon|ma|notre) \w+ ne (?:mange|boit"
        r"|supporte|peut|tolere|lit|voit)(?: \w+)? (?:pas|plus|rien)|je ne (?:mange|bois|conduis|prends|fume"
        r"|travaille|supporte|lis|porte|peux|vois|parle)(?: \w+)? (?:pas|plus|jamais|ni|que)|je n'(?:utilise"
        r"|entends|aime) (?:pas|ni|plus|jamais|aucune?|que)|je n'ai (?:pas de|pas d'|ni|aucune?|plus de"
        r"|que) ?(?!temps|probleme|nouvelles|idee|question)|en fauteuil|on n'a (?:pas|ni|que|plus)"
        r"|nous n'avons (?:pas|ni|que|plus)",
        "it": r"(?:sono|siamo|e|soffro di|mio \w+ e|mia \w+ e) (?:\w+ ){0,3}(?:allergic[aoh]\w?|vegan[aoie]"
        r"|vegetarian[aoie]|diabetic[aoh]\w?|celiac[aoh]\w?|daltonic[aoh]\w?|cieco|cieca|sord[aoie]"
        r"|dislessic[aoh]\w?|incinta|intollerant[ei]|mancin[aoie])|allergia|intolleranza|celiachia|soffr\w+ di"
        r"|non (?:mangio|bevo|guido|fumo|uso|lavoro|posso (?:mangiare|bere|prendere|usare|correre|salire"
        r"|guidare)|ho (?:il |la |lo |un |una |l')?(?:lavastoviglie|frullatore|microonde|stampante|balcone"
        r"|giardino|bilancia|lattosio|forno|auto|macchina|patente|accesso|permessi|internet)|prendo|sopporto"
        r"|reggo|tollero|vedo bien|sento bene|lo capisce|capisce)|(?:in|su una) (?:sedia a rotelle|carrozzina)"
        r"|(?:leggo|mangio|uso|parlo) solo|non ho ne",
        "pt": r"(?:sou|somos|e|estou|esta|meu \w+ e|minha \w+ e|minha \w+"
        r"|meu \w+) (?:\w+ ){0,3}(?:alergic[oa]s?|vegan[oa]s?|vegetarian[oa]s?|diabetic[oa]s?|celiac[oa]s?"
        r"|daltonic[oa]s?|ceg[oa]s?|surd[oa]s?|dislexic[oa]s?|gravida|intolerantes?|canhot[oa]s?)|alergia"
        r"|intolerancia|sofro de|tenho (?:\w+ ){0,2}(?:alergia|diabetes|vertigem|asma|rinite)"
        r"|(?:eu )?nao (?:como|bebo|dirijo|conduzo|fumo|uso|trabalho (?:as|aos|de|na|no)|posso (?:comer|beber"
        r"|tomar|usar|correr|subir|dirigir)|tenho (?:micro-ondas|liquidificador|balanca|impressora|varanda"
        r"|carro|forno|internet|acesso|permissao|permissoes|carta)|enxergo|tomo)|so (?:leio|tenho|uso|posso"
        r"|como|falo)|cadeira de rodas|nunca (?:como|bebo|trabalho)",
        "zh": r"过敏|乳糖不耐|(?:我|我们|家人|孩子|老婆|老公|爸|妈|儿子|女儿|他|她"
        r"|全家)[^。！？，]{0,6}(?:吃素|素食|纯素|清真|糖尿病|色盲|色弱|失明|听不见|听障|聋"
        r"|孕|怀孕|忌口)|我(?:从不|不能|不会|不吃|不喝|没有|没|只有|只能|只会|戒了)[^。！？]{0,12}(?:吃|喝|酒"
        r"|烟|肉|车|烤箱|权限|驾照|外语|英语|手机|屏|用|看)"
        r"|(?:膝盖|腰|腿|心脏|肠胃|眼睛|耳朵)[^。！？]{0,10}(?:伤|不好|不行|手术|不便)|(?:我|家里|我们)(?:家"
        r"|这里|这儿)?(?:没有?|不能用)(?:烤箱|微波炉|车"
        r"|电梯|打印机|空调|冰箱|网|权限|驾照|阳台|洗碗机)|坐轮椅|不识字|不懂英语",
        "ja": r"アレルギー|ベジタリアン|ヴィーガン|ビーガン|菜食|糖尿|色覚|色弱|目が(?:見え|不自由|悪)"
        r"|耳が(?:聞こえ|遠|不自由)|妊娠(?:中|して)|車椅子|車いす|老眼|下戸"
        r"|(?:は|が|を|も)(?:食べられ|飲め|食べ|飲ま|使え|開けられ|持って|運転でき|持て|読め|話せ|見え|聞こえ"
        r"|使わ|歩け|乗れ|置け)(?:ない|ません|ていない|ていません|ず)"
        r"|(?:苦手|不自由)(?:です|で|な|。)|しか(?:なく|ない|ありません|いない|使えない|読めない)|余裕(?:は|も"
        r"|が)(?:ない|ありません)|(?:オーブン|レンジ|冷蔵庫"
        r"|プリンター|エレベーター|ベランダ|予算|権限|免許|車)(?:は|も|が)(?:なく|ない|ありません|持って)",
    }
)

# a rule whatever else the sentence says: from now on, every answer must, a rule by name
STRONG = Signal(
    {
        "en": r"from (?:now|here|this point|this moment|today) (?:on|onwards?|forward|out)|going forward"
        r"|hencefor(?:th|ward)|until further notice|(?:new|my|our|one|house|another|standing) rule ?:"
        r"|let's (?:keep (?:it|this|things|everything|our|answers)|speak|stick|stay|talk)"
        r"|(?:every|each|all|any|no) (?:of your )?(?:\w+ )?(?:answers?|repl(?:y|ies)|responses?|messages?"
        r"|sentences?|lines?|paragraphs?|chapters?|sections?|scenes?|poems?|verses?|lists?|tables?|steps?"
        r"|functions?|class(?:es)?|files?|commits?|tests?|quer(?:y|ies)|statements?|variables?|names?|prices?"
        r"|amounts?|dates?|numbers?|recipes?|dish(?:es)?|meals?|menus?|captions?|headlines?|titles?|summar(?:y"
        r"|ies)|translations?|sources?|quotes?|claims?|suggestions?|ideas?|options?|examples?) (?:must|should"
        r"|has to|have to|needs? to|may"
        r"|shall) (?!i\b|we\b)",
        "de": r"ab (?:jetzt|sofort|hier|nun)|von (?:jetzt|nun|hier) an|kunftig|in zukunft|fortan|(?:neue "
        r"|meine |wichtige )?regel ?:|(?:jede[rs]?|alle|keine?) (?:deiner |ihrer )?(?:\w+ )?(?:antwort\w*|satz"
        r"|satze|zeile\w*|absatz|kapitel|szene\w*|gedicht\w*|liste\w*|schritt\w*|funktion\w*|datei\w*|preis\w*"
        r"|betrag\w*|betrage|rezept\w*|gericht\w*|titel|vorschlag\w*|vorschlage|text\w*) (?:muss|mussen"
        r"|soll|sollen|darf|durfen) (?!ich|wir)",
        "es": r"(?:a partir de|desde) ahora|de (?:ahora|aqui) en (?:adelante|mas)|en (?:adelante|lo sucesivo)"
        r"|de aqui al final|(?:nueva |mi )?(?:regla|norma) ?:|(?:cada|tod[oa]s l[oa]s|ningun[oa]?"
        r"|que ninguna?) (?:de tus )?(?:\w+ )?(?:respuestas?|frases?|lineas?|parrafos?|capitulos?|escenas?"
        r"|poemas?|listas?|pasos?|funciones|funcion|archivos?|precios?|recetas?|platos?|titulos?|propuestas?"
        r"|textos?|mensajes?) (?:debe|deben|tiene que|tienen que|puede|pase|supere|lleve)",
        "fr": r"(?:a partir|a compter) de (?:maintenant|ce message)|des (?:maintenant|a present)|desormais"
        r"|dorenavant|a l'avenir|(?:nouvelle |ma )?regle ?:|(?:chaque|tou(?:te)?s les"
        r"|aucune?) (?:de tes )?(?:\w+ )?(?:reponses?|phrases?|lignes?|paragraphes?|chapitres?|scenes?|poemes?"
        r"|listes?|etapes?|fonctions?|fichiers?|prix|recettes?|plats?|titres?|propositions?|textes?"
        r"|messages?) (?:ne )?(?:doit|doivent|peut)|tu me (?:corrigeras|citeras|diras"
        r"|donneras|previendras)",
        "it": r"d'ora in (?:poi|avanti)|da (?:ora|adesso|qui) in (?:poi|avanti)|da adesso|(?:nuova "
        r"|mia )?regola ?:|(?:ogni|tutt[ei] (?:le|i|gli)|nessun[oa]?) (?:tua |tuo )?(?:\w+ )?(?:rispost[ae]"
        r"|fras[ie]|righ[ae]|paragraf[io]|capitol[io]|scen[ae]|poesi[ae]|list[ae]|pass[io]|funzion[ie]|file"
        r"|prezz[io]|ricett[ae]|piatt[io]|titol[io]|propost[ae]|test[io]|messagg[io]) (?:deve"
        r"|devono|puo)",
        "pt": r"(?:a partir de|de) agora(?: em diante)?|daqui (?:em diante|pra frente|para a frente)|doravante"
        r"|(?:nova |minha )?regra ?:|(?:cada|tod[oa]s (?:as|os)"
        r"|nenhum[a]?) (?:das suas )?(?:\w+ )?(?:respostas?|frases?|linhas?|paragrafos?|capitulos?|cenas?"
        r"|poemas?|listas?|passos?|func\w+|arquivos?|precos?|receitas?|pratos?|titulos?|propostas?|textos?"
        r"|mensagens|mensagem) (?:deve"
        r"|devem|tem que|tem de|pode)",
        "zh": r"从(?:现在|今天|今|此|这里|今往)[^。！？]{0,4}(?:起|开始|往后|以后|后)|從(?:現在|今天"
        r"|今)[^。！？]{0,4}起|今后|往后|(?:新|有个"
        r"|我的)?规[则矩][:是]|千万(?:别|不)|一律|切勿|严禁|不得",
        "ja": r"今後は|これから(?:は|ずっと)|(?:新しい|私の)?ルール(?:は|です|:)|以後|この先|(?:決して"
        r"|絶対に)[^。]{1,24}(?:ない|な[。！]|禁止)|(?:毎回"
        r"|必ず)[^。]{1,24}(?:ください|こと|して|ほしい|お願い)",
        "ru": r"отныне|впредь|с этого момента",
        "nl": r"vanaf nu|voortaan|van nu af aan",
        "pl": r"od teraz|od tej pory",
        "tr": r"bundan sonra|bundan böyle|bundan boyle",
        "ko": r"앞으로(?:는)?[^.?]{1,40}(?:줘|세요|라|말고|마)",
        "ar": r"من الآن فصاعدا",
    }
)

# what is forbidden for good rather than for this once: to say, tell, recommend
SAYING = Signal(
    {
        "de": r"(?:erwahn|verrat|empfehl|empfiehl|nenn|duz|siez|diskutier|entschuldig|versprich|versprech"
        r"|erfind|rat|spekulier|kommentier|ubersetz|zitier|erklar|geb|gib|stell|verwend|benutz|nutz)\w*",
        "es": r"menciones?|reveles?|des|recomiendes?|sugieras?|propongas?|inventes?|supongas?|digas?"
        r"|expliques?|traduzcas?|corrijas?|cites?|prometas?|hables?|uses?|utilices?|comentes?|ofrezcas?"
        r"|repitas?",
        "fr": r"(?:mentionn|revel|donn|recommand|sugger|propos|invent|suppos|expliqu|cit|parl|utilis|emploi"
        r"|employ|communiqu|divulgu|repet|comment|offr|promet|corrig)\w*|dis|dites|traduis|traduisez",
        "it": r"(?:menzion|rivel|consigli|sugger|propon|propor|invent|suppon|suppor|spieg|tradu|corregg|cit"
        r"|promett|parl|usa|use|utilizz|comment|ripet)\w*|dare|dia|dire|dica|nominare",
        "pt": r"(?:mencion|revel|recomend|suger|sugir|propon|propo|invent|supon|expli|traduz|corrij|cit|promet"
        r"|fal|usa|use|utiliz|coment|repet|repit|diga)\w*",
        "zh": r"提|说|透露|推荐|建议|编|猜|解释|翻译|叫|用|讨论|重复|夸|道歉|加|写",
        "ja": r"教え|言|話|触れ|勧め|推薦|説明|訳|使|名前|呼|書|謝|聞",
    },
    clause=r"(?:do not|don't|never) (?:ever |please )?(?:mention|reveal|disclose|discuss|give|offer|suggest"
    r"|recommend|promise|share|invent|guess|assume|speculate|apologi[sz]e|explain|translate|correct|call|name"
    r"|talk|bring up|refer|lecture|morali[sz]e|repeat|tell|spoil|quote|flatter|praise|sugarcoat|hedge"
    r"|summari[sz]e|paraphrase|advise|diagnose|swear|joke)",
)

# standing by what they say, without a word of how long: ask me first, if you are not sure, one at a time, stick to
CUSTOM = Signal(
    {
        "en": r"(?:before|until) (?:you|u) [^.:!?]{1,40}?(?:ask|check|tell|warn|confirm)|(?:ask|check with"
        r"|tell|warn|consult|run it by) me (?:first )?before|(?:wait for|without) my (?:ok|okay|approval|go"
        r"|confirmation|permission|consent|say-so)|ask (?:me )?first"
        r"|if (?:you|u)(?:'re| are| do|'ve| have)? ?(?:ever )?(?:not|n't|never|unsure|unclear|uncertain"
        r"|in doubt|don't|dont|can't|cannot|aren't) (?:\w+ ){0,3}|if (?:in doubt|unsure|uncertain"
        r"|something is unclear)|if (?:i|someone|anyone|somebody|a user|the user|a customer"
        r"|they) (?:ever )?(?:asks?|says?|sends?|wants?|writes?|pastes?|mentions?|forgets?)"
        r"|(?:one|two|three) (?:\w+ ){1,3}(?:at a time|per (?:message|reply|answer|turn))|one at a time"
        r"|(?:stick|keep) (?:strictly |only )?to (?!the point\b|it\b)\w+|stay in character|keep (?:it|this"
        r"|things|everything|the tone|your tone|answers|replies) (?:\w+ )?(?:simple|short|brief|formal"
        r"|informal|casual|friendly|light|clean|concise|professional|polite|plain|family-friendly)"
        r"|write everything|(?:everything|it all) in (?:\w+ )?(?:case|caps|english|german|french|spanish"
        r"|italian|dutch|\w+ese|\w+ish)|the way i like it|i (?:hate|can't stand|dislike"
        r"|loathe) (?:\w+ ){0,2}(?:emojis?|bullet points?|jargon|lists|tables|exclamation|small ?talk|fluff"
        r"|filler|corporate)",
        "de": r"(?:bevor|ehe) (?:du|sie) (?:\w+ ){1,6}|frag(?:e|en sie)? (?:mich )?(?:immer |bitte |erst "
        r"|vorher |zuerst )*(?:,|bevor|erst|vorher|nach)|nicht ohne (?:meine|ruckfrage|zu fragen)|wenn (?:du"
        r"|sie) (?:dir |sich )?(?:\w+ ){0,3}(?:unsicher|nicht sicher|nicht weißt|nicht wissen|nicht kennst)"
        r"|im zweifel|falls (?:du|sie) (?:\w+ ){0,3}(?:nicht|unsicher)"
        r"|(?:eine?n?|ein|zwei) (?:\w+ ){1,2}(?:nach dem anderen|auf einmal|pro (?:nachricht|antwort))"
        r"|nacheinander|halt(?:e|en sie)? (?:dich|sich) (?:\w+ )?an|bleib(?:e|en sie)? (?:\w+ )?(?:bei"
        r"|in der rolle|beim|sachlich|hoflich|kurz)|schreib(?:e|en sie)? (?:mir )?alles|(?:antworte"
        r"|antworten sie)(?: \w+){0,3} (?:kurz|kurzer|knapp|hoflich|sachlich|formlich)|lass(?:en sie)? (?:die "
        r"|das |alle |bitte )*\w+ (?:weg|aus)|gesiezt|geduzt",
        "es": r"antes de [^.:!?]{1,40}?(?:preguntame|consultame|avisame|preguntar\w*)|(?:preguntame|consultame"
        r"|avisame)(?: \w+){0,2} antes|sin (?:mi (?:permiso|ok|visto bueno|autorizacion)|preguntar\w*"
        r"|consultar\w*)|si no (?:lo |la )?(?:sabes|sabe|estas|esta|entiendes|encuentras)|en caso de duda"
        r"|si tienes dudas|si dudas"
        r"|(?:de una en una|de uno en uno|una a una|uno a uno|una por (?:mensaje|vez)|un \w+ (?:a la vez"
        r"|por mensaje|por vez))|(?:cinete|limitate|atente|mantente)|(?:escribe|escriba|pon"
        r"|todo) (?:todo )?en (?:minusculas|mayusculas|letras?)|conmigo",
        "fr": r"avant (?:de|d'|que tu|que vous) ?[^.:!?]{1,40}?(?:demande|demandez|previens|prevenez)"
        r"|(?:demande|demandez|previens|prevenez)-moi (?:\w+ )?avant|sans (?:mon accord|me (?:demander"
        r"|prevenir|consulter)|ma permission)|si (?:tu|vous) (?:ne |n')\w+ (?:pas|rien)|en cas de doute"
        r"|si tu (?:doutes|hesites)"
        r"|(?:une?|deux) (?:\w+ )?(?:a la fois|par (?:message|reponse))|une (?:par une)|un (?:par un)"
        r"|(?:tiens-t'en|tenez-vous-en|limite-toi|limitez-vous|reste|restez) (?:a|au|aux|en|dans|poli|bref"
        r"|concis)|(?:ecris|ecrivez|mets|mettez) tout|avec moi|pas (?:de|d')(?:\w+)s?,? (?:s'il|svp|stp|merci)",
        "it": r"prima di [^.:!?]{1,40}?(?:chiedimi|avvisami|chiedi|chieda|consultami)|(?:chiedimi|avvisami"
        r"|consultami)(?: \w+){0,2} prima|senza (?:il mio (?:permesso|consenso|ok)|chiedermi|avvisarmi"
        r"|chiedere)|se non (?:lo |la |ne )?(?:sai|sa|sei|capisci|trovi|e chiaro)|in caso di dubbio|nel dubbio"
        r"|se hai dubbi"
        r"|(?:una|uno|un \w+|una \w+) (?:alla volta|per messaggio)|(?:limitati|attieniti|resta|rimani) (?:a|al"
        r"|alla|ai|in|nel)|(?:scrivi|scriva|metti) tutto|con me",
        "pt": r"antes de [^.:!?]{1,40}?(?:pergunte|pergunta|avise|avisa|consulte|fale)|(?:me )?(?:pergunte"
        r"|pergunta|consulte|avise|avisa)(?:-me)?(?: \w+){0,2} antes|sem (?:minha (?:permissao|autorizacao)"
        r"|meu ok|me (?:perguntar|avisar|consultar))|se nao (?:o )?(?:souber|souberes|tiver|tiveres|entender"
        r"|encontrar|estiver|der)|em caso de duvida|na duvida"
        r"|(?:um|uma) (?:\w+ )?(?:de cada vez|por vez|por mensagem)|(?:limite-se|atenha-se|mantenha-se"
        r"|limita-te)|(?:escreva|escreve|ponha) tudo|comigo",
        "zh": r"(?:之)?前[^。！？]{0,6}(?:先|要|得|必须|都)?(?:问|告诉|跟我|征求|确认|通知)|先(?:问|征求|跟我"
        r"|和我|告诉)我?|未经我|不(?:知道|确定|清楚|懂"
        r"|会)(?:就|的(?:话|时候|地方)?|时)|拿不准|一次(?:只)?[^。！？]{0,3}[一两1-3]|一(?:步|个|条|题"
        r"|次)一(?:步|个|条|题|次)|逐[个条步一]|别(?:瞎|乱"
        r"|编)|尽量(?:简短|简洁|少|用|别)|(?:全部|全都|通通|统统)",
        "ja": r"前に(?:は)?[^。]{0,8}(?:確認|聞い|相談|知らせ|教え|一声)|(?:勝手に|無断で|許可なく)|(?:分から"
        r"|わから|知ら|自信が)な(?:い|かった|ければ"
        r"|けりゃ)[^。]{0,10}(?:と(?:言|正直|書)|正直)|不明(?:な|の)(?:とき|場合|点)|一(?:つ|個|問|回|度|段階"
        r"|ステップ)(?:に(?:つき)?一?つ?)?ずつ"
        r"|一度に一つ|全部[^。]{0,6}で",
    }
)

# what style rules forbid by name
STYLE = Signal(
    {
        "en": r"emojis?|emoticons?|smileys?|bullet ?points?|bullets|jargon|slang|buzzwords?|spoilers?"
        r"|abbreviations?|acronyms|markdown|headings?|tables?|exclamation (?:marks?|points?)|small ?talk"
        r"|apolog\w+|disclaimers?|adverbs|adjectives|passive(?: voice)?|swear\w*|swearing|cursing|profanity"
        r"|clich\w+|metaphors?|comments|links?|images|filler|fluff|preambles?|intros?|introductions?|footnotes"
        r"|semicolons|em ?dashes|hashtags|rhymes|puns|jokes|latin|code blocks?|prices|brand names|first names"
        r"|pleasantries|flattery|sugar|meat|pork|gluten|dairy|nuts|alcohol|violence|gore|politics"
        r"|technical terms|long words|third[- ]party|dependencies|libraries|frameworks|global variables"
        r"|external",
        "de": r"emojis?|smileys?|aufzahlung\w*|stichpunkte?|fachbegriffe?|fachsprache|fachjargon|fremdworter"
        r"|anglizismen|slang|spoiler|abkurzungen|markdown|uberschriften|tabellen|ausrufezeichen|floskeln"
        r"|smalltalk|entschuldigung\w*|passiv|kommentare|links|einleitung\w*|fußnoten|gedankenstriche|witze"
        r"|preise|fleisch|alkohol|zucker|gluten|nusse|umgangssprache|werbung|klammern|konjunktiv",
        "es": r"emojis?|emoticonos?|vinetas|listas|jerga|tecnicismos|anglicismos|spoilers|abreviaturas"
        r"|markdown|titulos|tablas|exclamaciones|disculpas|adverbios|pasiva|palabrotas|tacos|cliches|metaforas"
        r"|comentarios|enlaces|introducciones|notas al pie|chistes|precios|carne|alcohol|azucar|gluten"
        r"|frutos secos|relleno|diminutivos",
        "fr": r"emojis?|emoticones|puces|listes|jargon|argot|anglicismes|spoilers?|abreviations|markdown"
        r"|titres|tableaux|exclamations?|excuses|adverbes|passif|gros mots|cliches|metaphores|commentaires"
        r"|liens|introductions?|notes de bas|blagues|prix|viande|alcool|sucre|gluten|noix|tirets|conditionnel"
        r"|formules de politesse",
        "it": r"emoji|faccine|elenchi|punti elenco|gergo|tecnicismi|anglicismi|inglesismi|spoiler"
        r"|abbreviazioni|markdown|titoli|tabelle|esclamativi|scuse|avverbi|passivo|parolacce|cliche|metafore"
        r"|commenti|link|introduzioni|note|battute|prezzi|carne|alcol|zucchero|glutine|noci|rime|preamboli",
        "pt": r"emojis?|emoticons|topicos|listas|jargao|girias?|anglicismos|estrangeirismos|spoilers?"
        r"|abreviac\w+|markdown|titulos|tabelas|exclamac\w+|desculpas|adverbios|passiva|palavroes?|cliches"
        r"|metaforas|comentarios|links|introduc\w+|notas|piadas|precos|carne|alcool|acucar|gluten|nozes"
        r"|asteriscos|enrolac\w+|gerundio",
        "zh": r"表情|术语|行话|网络用语|缩写|剧透|列表|表格|标题|感叹号|客套|废话|套话|注释|链接|成语|比喻"
        r"|英文单词|价格|肉|酒|糖|辣|香菜|脏话|敬语|拼音|markdown|emoji",
        "ja": r"絵文字|顔文字|専門用語|カタカナ語|横文字|略語|ネタバレ|箇条書き|表|見出し|感嘆符|前置き|お世辞"
        r"|コメント|リンク|外来語|敬語|英単語|肉|酒|砂糖|下品|markdown",
    }
)

# this once, and no longer
ONCE = Signal(
    {
        "en": r"your (?:previous|earlier|last|prior|own|above|first|second|third|current|initial) \w+"
        r"|(?:justify|rephrase|modify|review|improve|evaluate|critique|revise|shorten|rewrite|edit|expand|fix"
        r"|submit|redo|repeat|check|elaborate on) (?:\w+ ){0,2}your|try again|(?:for|in) (?:this|that) (?:one"
        r"|answer|question|message|reply|time|task|one answer)(?: only| alone)?|just (?:this|for) (?:once|now"
        r"|one)|this (?:once|time)(?: only)?|only (?:this (?:once|time)|for now|today)|one[- ]off|for once"
        r"|right now|for now",
        "de": r"nur (?:dieses mal|diesmal|fur diese|bei dieser|heute|jetzt|das eine mal|dieses eine)|diesmal"
        r"|dieses eine mal|ausnahmsweise|fur diese (?:eine )?(?:antwort|frage|nachricht)|in dieser antwort",
        "es": r"(?:solo |nada mas )?(?:por|en|para) esta (?:vez|respuesta|pregunta|ocasion)|solo (?:esta vez"
        r"|por hoy|hoy)|por una vez|de momento",
        "fr": r"(?:juste |seulement |uniquement )?(?:pour|dans|a) cette (?:fois|reponse|question)(?:-ci)?"
        r"|cette fois(?:-ci)?|pour une fois|juste une fois|exceptionnellement",
        "it": r"(?:solo |soltanto )?(?:per|in) questa (?:volta|risposta|domanda)|solo (?:stavolta|oggi)"
        r"|stavolta|per una volta|questa volta sola",
        "pt": r"(?:so |apenas |somente )?(?:por|para|nesta|desta|nessa|dessa|pra) (?:esta |essa )?(?:vez"
        r"|resposta|pergunta)|so (?:hoje|desta vez|dessa vez)|por uma vez|so agora",
        "zh": r"(?:就|只|仅|单)?(?:这|此)(?:一)?(?:次|回|题|句|条)(?:就|只|用|先|的回答)|仅此一次|暂时|先别急",
        "ja": r"(?:この|今回の)(?:質問|回答|返事|一回|件)(?:だけ|に限り|のみ)|今回(?:だけ|に限り|は)|一度だけ"
        r"|今だけ|とりあえず今",
    }
)

# a question or a tale, not a rule: who always does what, back then
TALE = Signal(
    {
        "en": r"(?:i|we)(?:'ll| will|'m going to| am going to|'ve| have| had|'d been| was| were"
        r"| used to) (?!like|rather|prefer)|back then|years ago|used to|last (?:year|week|night)|yesterday"
        r"|(?:it|that|this|which|who|he|they|there) (?:always|never|only|no longer|was|were)\b|when i was"
        r"|as a (?:kid|child)|(?:i|we) (?:always|never|only|ever|no longer)\b|i need an? \w+ (?:script|program|function"
        r"|tool)|mustn't modify|(?:you|u) (?:always|never|only) (?:\w+ ){1,4}?(?:so|too|such)\b|(?:you"
        r"|u) (?:always|never) (?:listen"
        r"|forget|understand|get|know|help|seem|fail|miss|manage|surprise|make me|do (?:this|that)|learn"
        r"|change your)|i (?:like|love"
        r"|hate|appreciate) (?:that|how|it when)",
        "de": r"fruher|damals|neulich|gestern|als kind|(?:hat|hatte|hatten|habe|war|waren"
        r"|wurde) (?:\w+ ){0,5}(?:immer|nie|standig|nur)|(?:immer|nie) (?:\w+ ){0,4}(?:gefahren|gewesen|gehabt"
        r"|gesagt|gemacht)|vergiss es|das immer",
        "es": r"de nin[oa]|antes(?! de\b)|anoche|ayer|sone|hace anos|(?:siempre|nunca) (?:\w*aba|\w*ia|me \w+"
        r"|lo \w+i|he|habia)|casi siempre|olvidalo",
        "fr": r"autrefois|jadis|quand j'etais|(?:j'ai|il a|elle a|on a|j'avais) (?:toujours|jamais)|(?:n'ai"
        r"|n'a) jamais|t'inquiete|vous inquietez",
        "it": r"da (?:piccolo|bambin[oa])|una volta|ieri|anni fa|(?:ho|ha|abbiamo|avevo) (?:sempre|mai)"
        r"|andavamo|quando ero|lascia perdere|(?:sempre|mai) (?:stat\w+|avut\w+)",
        "pt": r"antigamente|ontem|quando (?:era|eu era)|anos atras|(?:sempre|nunca) (?:\w*ava|\w+ia|fui|foi"
        r"|quer|gostou)|deixa pra la",
        "zh": r"小时候|以前|昨天|上次|去年|曾经|一辈子|从来没",
        "ja": r"^[^。]{1,14}は[^。必常毎絶]{0,4}(?:肉|酒|砂糖|ネギ|わさび|氷|ソース)(?:なし"
        r"|抜き)で(?:お願いします)?[。！]?$|昔|子どものころ|子供の頃|昨日|以前は|(?:まし|でし)た(?:が|けど)",
        "ru": r"я (?:\\w+ )?(?:всегда|никогда)|(?:он|она|они|мы) (?:всегда|никогда)|раньше",
        "nl": r"(?:ik|wij|we|hij|zij|ze) (?:\\w+ )?(?:altijd|nooit)|vroeger",
        "pl": r"(?:on|ona|oni|my) (?:zawsze|nigdy)|dawniej|kiedyś",
    }
)

# something to be made, with what it does itself: write a prompt for a bot that always answers in French
MADE = Signal(
    {
        "en": r"(?:write|create|build|make|design|draft|develop|implement|code|program|generate|invent) (?:me "
        r"|us )?(?:an?|the|some|my|our)"
        r" (?:[\w-]+ ){0,6}?(?:prompts?|bots?|chatbots?|assistants?|agents?|personas?|characters?|apps?"
        r"|programs?|scripts?|functions?"
        r"|class|tools?|games?|plugins?|websites?|stor(?:y|ies)|scenes?|poems?|essays?|dialogues?|models?"
        r"|servers?|instructions)\b"
        r"[^.!?]*? (?:that|which|who|where|whose|should|must|to)\b",
        "de": r"(?:schreib|erstell|bau|entwirf|entwickl|programmier|mach)\w* (?:mir |uns |bitte )*(?:einen?|den"
        r"|die|das)"
        r" (?:[\w-]+ ){0,4}?(?:\w*prompt|\w*bot|assistenten|agenten|figur|app|programm|skript|funktion|spiel"
        r"|geschichte)\b[^.!?]*?"
        r" (?:der|die|das|in dem|in der|soll)\b",
        "es": r"(?:escribe|escribeme|crea|creame|haz|hazme|disena|programa) (?:un|una|el"
        r"|la) (?:[\w-]+ ){0,4}?(?:prompt|bot|chatbot"
        r"|asistente|agente|personaje|app|programa|script|funcion|juego|cuento|historia)\b[^.!?]*? (?:que|donde)\b",
        "fr": r"(?:ecris|ecrivez|cree|creez|fais|faites|concois|programme)(?:-moi)? (?:un|une|le"
        r"|la) (?:[\w-]+ ){0,4}?(?:prompt|bot"
        r"|chatbot|assistant|agent|personnage|appli|programme|script|fonction|jeu|conte"
        r"|histoire)\b[^.!?]*? (?:qui|que|ou)\b",
        "it": r"(?:scrivi|scrivimi|crea|creami|fai|fammi|progetta) (?:un|una|il|la"
        r"|lo) (?:[\w-]+ ){0,4}?(?:prompt|bot|chatbot|assistente"
        r"|agente|personaggio|app|programma|script|funzione|gioco|storia|racconto)\b[^.!?]*? (?:che|dove)\b",
        "pt": r"(?:escreva|escreve|crie|cria|faca|faz|projete) (?:um|uma|o|a) (?:[\w-]+ ){0,4}?(?:prompt|bot"
        r"|chatbot|assistente|agente"
        r"|personagem|app|programa|script|funcao|jogo|conto|historia)\b[^.!?]*? (?:que|onde)\b",
        "zh": r"(?:写|做|设计|开发|编)(?:一个|个|一段|段|一篇|篇)[^。！？]{0,30}(?:提示词|机器人|助手|角色|程序"
        r"|脚本|函数|游戏|故事)",
        "ja": r"(?:プロンプト|ボット|アシスタント|エージェント|キャラクター|キャラ|アプリ|プログラム|スクリプト"
        r"|関数|ゲーム|物語)を(?:書|作|考え|設計)",
    }
)
# how the description goes on: it must never
MADE_ON = re.compile(
    r"\W*(?:and |also,? |but )?(?:it|he|she|they|er|sie|es|il|elle|the (?:\w+ )?(?:bot|assistant|agent"
    r"|character|model|app))\b"
)

# a piece of work for now: write a, return the, compare these
TASK = Signal(
    {},
    clause=r"(?:write|return|create|implement|build|generate|analy[sz]e|summari[sz]e|describe|discuss|compare"
    r"|calculate|compute|find|print|evaluate|list|update|make|give|draft|add|identify|extract|design|develop"
    r"|solve|"
    r"sort|show|explain|provide|do|rename|move|remove|delete|translate|fix|modify|change|look|tell|help|import"
    r"|convert|present|consider|take|let|get|set|assign|complete|fill|put|pick|choose|outline|propose"
    r"|suggest) (?:me |us )?"
    r"(?:an?|the|this|that|these|those|it|some|me|us|our|my|one|two|three|four|five|ten|\d+|only|both|another"
    r"|with|following|more|all|every|each)|go ahead|proceed|try again|book|cancel",
)
LASTS = Signal(
    {
        "en": r"from (?:now|here|today|this|that)(?: \w+)? on\w*|going forward|until|till|throughout"
        r"|every time|each time|whenever|for the (?:rest|whole|duration)|in future|always|never|nothing else"
        r"|each|at all times|every (?:answer|reply|message|response|time)",
    }
)

# words that open a list of rules
LIST_OPENING = Signal(
    {
        "en": r"follow (?:these|this|the)|(?:rules?|guidelines|conventions?|constraints?|contract|preferences"
        r"|principles|ground rules|house style|style guide|requirements for (?:all|every)|standing (?:orders?"
        r"|instructions)|instructions for (?:all|every|you|this)|instructions|dos and don'ts|house rules"
        r"|format)(?: (?:for|in|of|from|you|that|to|this|our|the|your|we|my|i|here|hold|should|chat"
        r"|conversation|all|every|each)\b.*)?|you (?:will|should|must|shall|are to|always|never)"
        r"|please (?:always|never)?|keep to|stick to|from now on|while (?:we|you|i)|i (?:want|expect|need"
        r"|would like|'d like) (?:you|your|all|the following from you)|how (?:i want|we work|i like)"
        r"|what i (?:want|expect|need)|here(?:'s| is) how|(?:(?:my|our)(?: \w+)?|i have(?: the)?(?: following)?)"
        r" (?:allergies|intolerances|restrictions)|always|never|don't|do not",
        "de": r"(?:regeln|vorgaben|richtlinien|spielregeln|grundregeln|anweisungen|konventionen"
        r"|rahmenbedingungen|bedingungen|stilvorgaben|wunsche|feste \w+)(?: (?:fur|in|bei|an|die|zu)\b.*)?"
        r"|(?:gilt|gelten)|bitte|halte? dich|halten sie sich|beachte\w*|du (?:sollst|musst|darfst|wirst)"
        r"|sie (?:sollen|mussen|durfen)|ich (?:mochte|will|erwarte|wunsche)|so (?:machen wir|gehst du"
        r"|arbeiten)|immer|nie(?:mals)?",
        "es": r"(?:reglas|normas|instrucciones|pautas|condiciones|convenciones|restricciones|requisitos"
        r"|directrices|criterios)(?: (?:de|para|del|en|fijas|permanentes|que)\b.*)?|sigue|siga|respeta|respete"
        r"|ten en cuenta|debes|tienes que|quiero que|siempre|nunca|por favor",
        "fr": r"(?:regles|consignes|contraintes|instructions|conditions|conventions|principes"
        r"|exigences)(?: (?:de|pour|du|a|dans|permanentes|fixes|que|qui|a suivre)\b.*)?|respecte[z]?|suis"
        r"|suivez|tu (?:dois|vas|devras)|vous (?:devez|devrez)|je (?:veux|voudrais|souhaite) que|toujours"
        r"|jamais|merci de",
        "it": r"(?:regole|norme|istruzioni|vincoli|condizioni|convenzioni|indicazioni|criteri"
        r"|linee guida)(?: (?:di|per|del|fisse|permanenti|in|che|da)\b.*)?|segui|segua|rispetta|rispetti"
        r"|attieniti|devi|voglio che|vorrei che|sempre|mai|per favore|nelle (?:tue )?risposte",
        "pt": r"(?:regras|normas|instruc\w+|diretrizes|condic\w+|convenc\w+|restric\w+|orientac\w+|criterios"
        r"|combinados?)(?: (?:de|para|da|do|fixas|permanentes|em|que)\b.*)?|siga|sigam|segue|respeite|respeita"
        r"|voce (?:deve|vai)|quero que|sempre|nunca|por favor|nas (?:suas )?respostas",
        "zh": r"规则|規則|要求|规矩|约定|注意事项|请(?:遵守|按|注意)|遵守|守则|原则|格式|以下|你(?:当|做|扮演"
        r"|要|必须)|说好|这样|几条|几点",
        "ja": r"ルール|規則|約束|決まり|条件|方針|進め方|お願い|守って|以下|注意(?:点|事項)|要件|指針"
        r"|次の(?:とおり|通り|点)|書式|形式|前提",
    }
)

# taking rules back, of the rule as such: forget that rule, the limit is off
LIFT_RULE = Signal(
    {
        "en": r"(?:forget|drop|ignore|scrap|cancel|lift|disregard|revoke|never mind) (?:about )?(?:the|that|this|my|all"
        r"|those|these|every|any) (?:\w+ ){0,4}(?:rules?|limits?|restrictions?|instructions?|requirements?|bans?|format"
        r"|style)(?= (?:about|regarding|for|that|i|we|you|again|now|please|of mine|from (?:before|earlier))\b"
        r"| ?[,;.:!)]"
        r"|\W*$)|(?:forget|ignore|never mind|disregard) (?:about )?what i (?:said|asked|told you)"
        r"|(?:the|that|this|my) (?:\w+ ){0,3}(?:rules?|limits?|restrictions?|bans?) (?:is|are) (?:now )?(?:off"
        r"|over|lifted"
        r"|gone|void)(?! by\b)|(?:the|that|this|my) (?:\w+ ){0,3}(?:rules?|limits?|restrictions?|bans?) (?:no longer"
        r"|(?:doesn't|does not|don't|do not)) (?:applies|apply|holds?)",
        "de": r"(?:vergiss|vergessen sie|ignoriere?|ignorieren sie|streiche?) (?:die|das|meine?n?|den|diese[ns]?|alle)"
        r" (?:\w+ ){0,3}(?:regeln?|vorgaben?|limit|beschrankung(?:en)?|anweisung(?:en)?)"
        r"|(?:regel|vorgabe|beschrankung|verbot|limit)\w* (?:gilt|gelten) nicht mehr|(?:regel|vorgabe"
        r"|beschrankung|verbot"
        r"|limit)\w* ist (?:jetzt |damit )?aufgehoben",
        "es": r"(?:olvida|olvide|ignora|ignore) (?:la|lo de la|esa|esta|mi|las|mis|todas las) (?:\w+ ){0,2}(?:reglas?"
        r"|normas?|limites?|restricci\w+|instrucci\w+)|olvida lo que (?:dije|te dije|pedi)|(?:la|esa) (?:regla|norma"
        r"|restriccion) ya no",
        "fr": r"(?:oubliez?|ignorez?) (?:la|cette|ma|les|mes|ces|toutes les) (?:\w+ ){0,2}(?:regles?|consignes?"
        r"|limites?"
        r"|restrictions?|instructions?)|oubliez? ce que j'ai (?:dit|demande)|(?:la|cette) (?:regle|consigne) ne "
        r"(?:vaut|tient|s'applique) plus",
        "it": r"(?:dimentica|dimentichi|ignora|ignori) (?:la|quella|questa|le|tutte le|la mia|le mie) (?:\w+ ){0,2}"
        r"(?:regol[ae]|limit[ei]|restrizion[ei]|istruzion[ei])|(?:la|quella) regola non vale piu",
        "pt": r"(?:esquec[ae]|ignor[ae]) (?:a|essa|aquela|esta|as|todas as|a minha"
        r"|minha) (?:\w+ ){0,2}(?:regras?|limites?"
        r"|restric\w+|instruc\w+)|(?:a|essa) regra (?:ja )?nao vale mais",
        "zh": r"(?:忘(?:了|掉|记)|不用管|忽略|取消|去掉)[^。，,]{0,10}(?:规[则矩定]|限制|要求|指令)"
        r"|(?:规[则矩定]|限制|要求)(?:就)?(?:作废|取消"
        r"|解除|不算)",
        "ja": r"(?:ルール|制限|指示|決まり|約束)(?:は|を|のことは)[^。]{0,8}(?:なし|終わり|解除|取り消|忘れ|無視|やめ)",
    }
)
# giving back the usual way to write: write as usual
LIFT_WRITING = Signal(
    {
        "en": r"(?:you|u) (?:can|may|could) (?:\w+ ){0,2}(?:write|answer|talk|speak|reply|respond)(?: \w+){0,5}"
        r" (?:again|normally|freely|as (?:usual|before)|however you like)|(?:go|going"
        r"|switch) back to (?:your )?(?:normal|usual)"
        r" (?:answers?|replies|writing|style|tone|format|language)|(?:normal|usual) (?:answers|replies|writing"
        r"|style|tone"
        r"|language) again",
        "de": r"(?:du|sie|ihr) (?:kannst|konnen|darfst|durfen|konnt|durft)(?: \w+){0,6} (?:wieder|normal)(?: \w+){0,3}"
        r" (?:schreiben|antworten|reden|sprechen)|(?:schreib|antworte|rede"
        r"|sprich)\w*(?: \w+){0,2} wieder (?:ganz )?normal",
        "es": r"(?:ya )?(?:puedes|puede) (?:volver a )?(?:escribir|responder|contestar|hablar)(?:me)?(?: \w+){0,3}"
        r" (?:otra vez|de nuevo|normal\w*|como antes)|(?:puedes|puede) volver a (?:escribir|responder|contestar|hablar)"
        r"|(?:escribe|responde|contesta|habla)(?:me)? (?:como antes|normal\w* otra vez)",
        "fr": r"(?:tu|vous) (?:peux|pouvez) (?:a nouveau |de nouveau )?(?:r?ecrire|repondre|parler|reparler|recrire)"
        r"(?: \w+){0,3} (?:normalement|comme avant|a nouveau|de nouveau)|(?:ecris|ecrivez|reponds|repondez"
        r"|parle|parlez)"
        r" (?:comme avant|a nouveau normalement)",
        "it": r"(?:puoi|puo) (?:di nuovo |tornare a )?(?:scrivere|rispondere|parlare)(?:mi)?(?: \w+){0,3} (?:di nuovo"
        r"|normalmente|come prima)|(?:puoi|puo) tornare a (?:scrivere|rispondere|parlare)|(?:scrivi|rispondi|parla)"
        r" (?:di nuovo normalmente|come prima)",
        "pt": r"(?:ja )?(?:pode|podes) (?:voltar a )?(?:escrever|responder|falar)(?: \w+){0,3} (?:de novo|normalmente"
        r"|outra vez|como antes)|(?:pode|podes) voltar a (?:escrever|responder|falar)|(?:escreva|responda|fale)"
        r" (?:como antes|normalmente de novo)",
        "zh": r"(?:可以|能)?(?:恢复|重新)?正常(?:地)?(?:写|说|回答|回复|讲话|说话|交流)|(?:写|回答|回复"
        r"|说话)(?:可以)?(?:照常|恢复正常|像以前)",
        "ja": r"普通に(?:戻して|話して|書いて|答えて|返して)|元の(?:書き方|話し方|口調|文体)に戻"
        r"|普通の(?:書き方|話し方|口調|文体)",
    },
    clause=r"(?:write|answer|talk|speak|reply|respond)(?: to me)?(?: \w+)? (?:normally|as (?:usual|before|normal))"
    r"|back to normal(?: (?:again|now|please|pls))*\W*$",
)
# allowing again what was forbidden; what is allowed "now" is most often to be done once
LIFT_PERMIT = Signal(
    {
        "en": r"(?:you|u) (?:can|may|could) (?:\w+ ){1,8}again|(?:are|is) (?:fine|ok|okay|allowed|welcome"
        r"|permitted) again"
        r"|are (?:fine|ok|okay|allowed|welcome|permitted) now|(?:you|u) (?:can|may|could) (?:now )?(?:use|write"
        r"|answer|reply"
        r"|speak|talk|mention) (?:\w+ ){1,6}now",
        "de": r"(?:du|sie|ihr) (?:kannst|konnen|darfst|durfen|konnt|durft)(?: \w+){0,6} wieder|(?:kannst"
        r"|darfst) du(?: \w+)"
        r"{0,4} wieder|(?:ist|sind) (?:jetzt )?wieder (?:erlaubt|ok|okay|in ordnung|willkommen)",
        "es": r"(?:puedes|puede) (?:volver a|\w+(?: \w+){0,5} (?:otra vez|de nuevo))",
        "fr": r"(?:tu|vous) (?:peux|pouvez) (?:a nouveau|de nouveau|re\w+|\w+(?: \w+){0,5} (?:a nouveau|de nouveau))",
        "it": r"(?:puoi|puo) (?:di nuovo|tornare a|\w+(?: \w+){0,5} di nuovo)",
        "pt": r"(?:pode|podes) (?:voltar a|\w+(?: \w+){0,5} (?:de novo|outra vez))|liberad[oa]s?",
        "zh": r"(?:可以|能)(?:恢复|重新|再|继续)|(?:又|重新)可以|现在可以(?:用|使用|写|说|提)[^。！？]{1,8}了",
        "ja": r"また[^。]{0,20}て(?:も)?(?:いい|構|大丈夫)|再び[^。]{0,20}て(?:も)?(?:いい|構|大丈夫)",
    }
)
# asking no longer for what was demanded
LIFT_EXEMPT = Signal(
    {
        "en": r"no need (?:to|for) (?:\w+ ){0,8}(?:any ?more|any longer)|you (?:don't|do not) (?:have|need) to"
        r" (?:\w+ ){0,8}(?:any ?more|any longer)|you no longer (?:have|need) to",
        "de": r"(?:musst|brauchst) du(?: \w+){0,6} nicht mehr|(?:du musst|du brauchst|sie mussen|sie brauchen)"
        r"(?: \w+){0,6} nicht mehr|mussen sie(?: \w+){0,6} nicht mehr",
        "es": r"ya no (?:hace falta|es necesario|tienes que|tiene que|necesitas)",
        "fr": r"plus besoin d|ce n'est plus la peine|(?:tu n'as|vous n'avez) plus (?:besoin|a)\b"
        r"|(?:tu n'es|vous n'etes) plus oblige",
        "it": r"non (?:serve|occorre|devi|deve) piu|non c'e piu bisogno",
        "pt": r"(?:ja )?nao (?:precisa|e preciso|precisas) mais",
        "zh": r"不用再|不必再|不需要再",
        "ja": r"もう[^。]{0,20}なくて(?:も)?(?:いい|構|大丈夫)|もう[^。]{0,20}(?:必要は(?:ない|ありません))",
    }
)
LIFT = any_of(LIFT_RULE, LIFT_WRITING, LIFT_PERMIT, LIFT_EXEMPT)

# a sentence without any of these is no rule: tried first, as most have none
TOUCHED = any_of(
    ONWARD, ALWAYS, PROHIBIT, OUTPUT, MANNER, ANSWER, ADDRESS, REMEMBER, FACT, LIFT, CUSTOM, STRONG, HANDS_OFF
)

# a rule that says of itself that it changes an earlier one
CHANGE = Signal(
    {
        "en": r"instead(?: of)?|no longer|any ?more|changed?|change of plans?|back to|switch(?:ed)?"
        r"|rather than|not \w+ (?:now|any)|now|new|again|after all|do (?!not|n't)\w+|make (?:it|that)"
        r"|it's .{1,40} not|from (?:here|now) on",
        "de": r"statt(?:dessen)?|nicht mehr|nur noch|doch|geandert|wieder|zuruck|ab (?:jetzt|hier)|lieber"
        r"|neu\w*|jetzt|nun",
        "es": r"en (?:vez|lugar) de|ya no|ahora|cambi\w+|sube|baja|pasa|mejor|de nuevo|volvemos|nuev[oa]|vuelve",
        "fr": r"au lieu|plutot|desormais|ne \w+ plus|plus|change\w*|maintenant|a nouveau|finalement|re\w+"
        r"|nouveau|nouvelle|revenons|passons",
        "it": r"invece|anziche|piuttosto|meglio|ora|adesso|cambi\w+|passiamo|torniamo|non \w+ piu|da qui"
        r"|nuov[oa]|di nuovo",
        "pt": r"em vez|ao inves|agora|mud\w+|passa|melhor|nao \w+ mais|liberad\w+|volt\w+|de novo|nov[oa]|troqu\w+",
        "zh": r"改|换|不再|作废|取消|还是|恢复|新的|从这|现在",
        "ja": r"変え|代わり|やめ|やっぱり|に変更|戻|次から|これからは|なしで|今度",
    }
)

# words that rules are worded with, which say nothing of what they are about
USUAL = Signal(
    {
        "en": r"normal\w*|usual\w*|freely|regular\w*|rules?|limits?|restrictions?|instructions?|forget|ignore|drop"
        r"|write|talk|back|everything|switch\w*|without|fine|okay|allowed|welcome|permitted|longer|mind"
        r"|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifty|hundred|about|last",
        "de": r"normal\w*|gewohn\w*|regeln?|vorgaben?|beschrankung\w*|vergiss|schreib\w*|kannst|darfst|durfen|konnen"
        r"|erlaubt|mehr|diese[nmrs]?|sind|ein|zwei|drei|vier|funf|sechs|zehn",
        "es": r"normal\w*|reglas?|normas?|limites?|restricci\w+|olvida\w*|escribir|puedes?|volver|partir"
        r"|hace|falta|esta|otra|vez|ya|dos|tres|cuatro|cinco|seis|diez|adelante",
        "fr": r"normal\w*|regles?|consignes?|limites?|restrictions?|oublie\w*|ecrire|pouvez|peux"
        r"|partir|cette|deux|trois|quatre|cinq|dix",
        "it": r"normal\w*|regol[ae]|limit[ei]|restrizion\w*|dimentica\w*|scrivere|tornare|puoi"
        r"|avanti|questa|quella|due|tre|quattro|cinque|dieci",
        "pt": r"normal\w*|regras?|limites?|restric\w+|esquec\w*|escrever|podes?|voltar"
        r"|partir|diante|essa|aquela|dois|duas|tres|quatro|cinco|dez",
        "zh": r"正常|规则|限制|规定|恢复|可以",
        "ja": r"普通|ルール|元に",
    }
)
GENERAL = (DIRECT, ALWAYS, ONWARD, PROHIBIT, BROAD, OUTPUT, ANSWER, CHANGE, USUAL)

# an order not to do something, in any form
NEGATION = Signal(
    {
        "en": r"never|not|no|none|don't|dont|do n't|won't|can't|cannot|mustn't|shouldn't|without|avoid|stop"
        r"|quit|skip|omit"
        r"|refrain|nothing|nobody|nowhere",
        "de": r"nie|niemals|nicht|kein\w*|ohne|vermeide\w*|verzichte\w*|unterlass\w*|weglassen",
        "es": r"no|nunca|jamas|sin|ningun[oa]?s?|nada|evit\w+|tampoco",
        "fr": r"ne|n'|pas|jamais|sans|aucune?|evit\w+|rien|ni",
        "it": r"non|mai|senza|nessun[oa]?|niente|evit\w+|nulla",
        "pt": r"nao|nunca|jamais|sem|nenhum[a]?|nada|evit\w+",
        "ru": r"не|никогда|нельзя|без",
        "nl": r"nooit|geen|niet|zonder|vermijd",
        "pl": r"nie|nigdy|bez",
        "tr": r"asla|hiçbir|hicbir",
        "zh": r"不|别(?![人的处墅样致])|勿|禁|没",
        "ja": r"ない|ません|禁|なしで|やめ|避け|不可|するな|ず(?=に|、|。)",
        "ko": r"마세요|말아|마라|않|금지",
        "ar": r"(?<!\w)(?:لا|أبدا|دون|بدون)(?!\w)",
    }
)
# a demand that names what it takes the place of
INSTEAD = Signal(
    {
        "en": r"instead|rather than|in place of|no longer|not \w+ any ?more",
        "de": r"statt(?:dessen)?|anstatt|anstelle",
        "es": r"en (?:vez|lugar) de|en su lugar",
        "fr": r"au lieu|a la place",
        "it": r"invece|anziche|al posto",
        "pt": r"em vez|ao inves|no lugar",
        "zh": r"改(?:成|用|为)|换成|而不是|代替",
        "ja": r"代わり|ではなく|じゃなく|に(?:変更|変え)",
    }
)
_GONE = re.compile(  # what a rule says holds no longer: a few words behind
    r"(?:no longer|(?:tired|enough) of|instead of|rather than|in place of|nicht mehr|genug von|anstatt|anstelle von"
    r"|statt|ya no|en vez de|en lugar de|au lieu de|a la place de|non piu|invece di|al posto di|em vez de|ao inves de"
    r"|no lugar de)"
    r"(?P<behind>(?: (?!(?:but|and|sondern|und|sino|y|mais|et|ma|e)\b)[^\W\d][\w']*){1,5})"
    r"|(?:not|nao) (?P<between>(?:\w+ ){1,4}?)(?:any ?more|mais)\b"
)


def gone(sentence: str) -> list[str]:
    """What a rule says holds no longer: `no longer in dollars`, `tea instead of coffee`."""
    return [match["behind"] or match["between"] for match in _GONE.finditer(sentence)]


POLITE = Signal(
    {
        "en": r"please|pls|plz|thanks|thank you|can|may|could|must|should|shall|have to|need to",
        "de": r"bitte|kannst|darfst|durfen|konnen|sollst|sollen|musst|mussen",
        "es": r"por favor|porfa|debes?|deben|puedes?",
        "fr": r"svp|stp|merci|veuillez|aucune?|peux|pouvez",
        "it": r"per favore|puoi|devi|deve|dovete|niente|nessun\w*|basta|meglio|bisogna",
        "pt": r"por favor|pfv|deves?|devem|precisa|podes?",
    }
)
# words for writing and answering as such
WRITING = Signal(
    {
        "en": r"answer\w*|repl(?:y|ies)|respon[ds]\w*|write|speak|talk|say|address",
        "de": r"antwort\w*|schreib\w*|sprich|sprechen|rede[nt]?|formulier\w*",
        "es": r"(?:respond|contest|escrib|habl)\w+",
        "fr": r"(?:repon|ecri|parle)\w*",
        "it": r"(?:rispond|scriv|parl)\w+",
        "pt": r"(?:respond|escrev|fal)\w+",
        "zh": r"回答|回复|答复|写|说|讲",
        "ja": r"答え|返事|返信|返答|回答|書|話",
    }
)

# single words for what most rules are about, by matter; each has one value at a time for one object
MATTERS: Mapping[str, Signal] = {
    "language": Signal(
        {
            "en": r"english|german|french|spanish|italian|portuguese|dutch|japanese|chinese|russian|arabic"
            r"|latin|polish|turkish|korean|hindi|swedish|danish|norwegian|greek|(?:which|what|other) language"
            r"|bilingual",
            "de": r"deutsch|englisch|franzosisch|spanisch|italienisch|portugiesisch|niederlandisch|japanisch"
            r"|chinesisch|russisch|turkisch|polnisch|latein",
            "es": r"espanol|castellano|ingles|aleman|frances|italiano|portugues|catalan|euskera|gallego"
            r"|japones|chino|ruso",
            "fr": r"francais|anglais|allemand|espagnol|italien|portugais|neerlandais|japonais|chinois|russe",
            "it": r"inglese|tedesco|francese|spagnolo|portoghese|giapponese|cinese|russo",
            "pt": r"ingles|alemao|espanhol|italiano|japones|chines|russo",
            "zh": r"中文|英文|英语|法语|德语|日语|日文|西班牙语|俄语|韩语|粤语|普通话|文言|白话|繁體|繁体|简体",
            "ja": r"日本語|英語|中国語|フランス語|ドイツ語|韓国語|スペイン語|関西弁|標準語|方言",
        }
    ),
    "name": Signal(
        {
            "en": r"(?:call|address|greet) me(?! (?:back|at|on|when|if|tomorrow|later|today|crazy|old|about|a\b"
            r"|an\b))|i go by"
            r"|being called|(?:it's|its) (?:mr|mrs|ms|dr|prof)\b",
            "de": r"nenn(?:e|en sie)? mich",
            "es": r"lla(?:ma|me)me|me llamas|puedes llamarme|(?:me )?llam(?:a|e)nme",
            "fr": r"appel(?:le|ez)[- ]moi",
            "it": r"chiama(?:mi|teci)|mi chiami|puoi chiamarmi",
            "pt": r"me cham[ea]|cham[ea]-me|(?:pode|podes) (?:me )?chamar(?:-me)?",
            "zh": r"(?:叫|称呼|喊)我",
            "ja": r"(?:と|って)(?:呼ん|呼ば|お呼び)",
        }
    ),
    "formality": Signal(
        {
            "de": r"duze?n?|sieze?n?|geduzt|gesiezt|beim (?:du|sie)|per (?:du|sie)|(?:du|sie) sagen"
            r"|sag(?:en sie)? (?:du|sie)",
            "es": r"tutea(?:me)?|de (?:tu|usted|vos)",
            "fr": r"tuto\w+|vouvo\w+|(?:dis|dites)[- ]moi (?:tu|vous)",
            "it": r"del (?:tu|lei)",
            "pt": r"por (?:tu|voce)|de (?:voce|senhor|senhora)",
            "zh": r"(?:称|用)[“\"\ufffc]?(?:您|你)[”\"\ufffc]?称呼",
            "ja": r"敬語|タメ口|ため口",
        }
    ),
    "length": LIMIT,
    "tone": Signal(
        {
            "en": r"(?:in)?formal(?:ly)?|casual(?:ly)?|friendly|polite(?:ly)?|professional(?:ly)?"
            r"|playful(?:ly)?|serious(?:ly)?"
            r"|dry|sarcastic(?:ally)?|cheerful(?:ly)?|tone",
            "de": r"formlich|formell|informell|locker|freundlich|hoflich|sachlich|ernst|ton|tonfall",
            "es": r"(?:in)?formal|coloquial|amable|serio|tono",
            "fr": r"formel\w*|familier\w*|poli|amical\w*|serieux|ton (?:\w+ )?(?:formel|familier|amical|serieux)",
            "it": r"(?:in)?formale|amichevole|cortese|serio|tono",
            "pt": r"(?:in)?formal|amigavel|educado|serio|tom",
            "zh": r"语气|口吻",
            "ja": r"口調|丁寧に|くだけた",
        }
    ),
    "currency": Signal(
        {
            "en": r"euros?|dollars?|pounds?|yen|francs?|rupees?|pesos?|currency|crowns?|usd|eur|gbp|chf|reais|yuan",
            "zh": r"欧元|美元|人民币|日元|英镑",
            "ja": r"円|ドル|ユーロ",
        }
    ),
    "temperature": Signal({"en": r"celsius|fahrenheit|kelvin", "zh": r"摄氏|华氏", "ja": r"摂氏|華氏"}),
    "units": Signal(
        {
            "en": r"metric|imperial|inch(?:es)?|feet|centimet\w+|met(?:er|re)s?|kilomet\w+|miles?|grams?"
            r"|ounces?|kilos?|litres?|liters?|cups?",
            "de": r"meter|zoll|gramm|kilo|meilen|kilometer|liter",
            "es": r"metros|pulgadas|gramos|kilos|millas|tazas",
            "fr": r"metres|pouces|grammes|kilos|milles|tasses",
            "it": r"metri|pollici|grammi|chili|miglia|tazze",
            "pt": r"metros|polegadas|gramas|quilos|milhas|xicaras",
            "zh": r"克|公斤|斤|公里|英里|英寸|厘米",
            "ja": r"グラム|キロ|メートル|インチ|カップ|大さじ",
        }
    ),
    "numerals": Signal(
        {
            "en": r"numerals|digits|in figures|spelled out|roman numerals",
            "de": r"ziffern|ausgeschrieben",
            "es": r"cifras|en letras?",
            "fr": r"chiffres|en lettres",
            "it": r"cifre|in lettere",
            "pt": r"algarismos|por extenso",
            "zh": r"阿拉伯数字|汉字数字",
            "ja": r"漢数字|算用数字",
        }
    ),
    "emoji": Signal({"en": r"emojis?|emoticons?|smileys?", "zh": r"表情", "ja": r"絵文字|顔文字"}),
}

# what a matter is called: in "ignore what I said about length" a matter is named without a value
MATTER_NAMES: Mapping[str, Signal] = {
    "language": Signal(
        {
            "en": r"languages?",
            "de": r"sprachen?",
            "es": r"idiomas?|lengua",
            "fr": r"langues?",
            "it": r"lingu[ae]",
            "pt": r"linguas?|idiomas?",
            "zh": r"语言|哪种语",
            "ja": r"言語|何語",
        }
    ),
    "length": Signal(
        {
            "en": r"length|(?<!as )long(?! as)|(?<!no )(?<!any )longer",
            "de": r"lange[nr]?|ausfuhrlich\w*",
            "es": r"longitud|larg[oa]s?",
            "fr": r"longueur|longue?s?",
            "it": r"lunghezza|lung(?:o|a|hi|he)",
            "pt": r"comprimento|tamanho|long[oa]s?",
            "zh": r"长度|字数|长",
            "ja": r"長さ|文字数|長く",
        }
    ),
    "currency": Signal({"en": r"currenc(?:y|ies)", "de": r"wahrung\w*", "es": r"monedas?", "fr": r"monnaies?"}),
    "tone": Signal({"en": r"tone"}),
}
OF_THE_SPEAKER = ("name", "formality")  # one for all that is written: no object is compared
OF_WRITING = ("language", "length", "tone", "emoji", "numerals", "formality")
# how a length is counted and bounded
LENGTH_UNITS = Signal(
    {
        "en": r"words?|sentences?|lines?|paragraphs?|characters|bullets?|points?|items?"
        r"|pages?|tokens"
        r"|most|more|maximum|than|under|below|within|limited|fewer|less",
        "de": r"wort\w*|satz\w*|zeilen?|absatz\w*|zeichen|punkte?n?|seiten?|hochstens"
        r"|maximal|mehr",
        "es": r"palabras?|frases?|lineas?|parrafos?|caracteres|maximo|menos",
        "fr": r"mots?|phrases?|lignes?|paragraphes?|caracteres|maximum|moins",
        "it": r"parol[ae]|fras[ie]|righ[ae]|paragraf[io]|massimo|meno|esatte",
        "pt": r"palavras?|frases?|linhas?|paragrafos?|maximo|menos",
    }
)
