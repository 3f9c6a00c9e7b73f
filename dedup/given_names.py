"""Given names and what their bearers are called: one line a name, the full form first.

Only what is usual: a form that stands in several lines means any of them. Further affectionate endings (-енька, -очка, -ушка and
so on) are made from these by rule. Forms are written as people write them; they are compared by their skeletons, so that a
spelling in the other alphabet is needed only where it is no transliteration.
"""

from typing import Final

MEN: Final = """
андрон андроша
ерофей ероша
варфоломей
пимен
потап
орест
орхан
самсон
соломон
федот федя
флор
фрол фролка
эммануил
булат
жорж жора
авдей авдюша
адам адик
адриан андриан
азамат аза
азат
айдар
айрат
акакий
аким
алан
александр саша саня шура алекс санёк сашок шурик алик санечек сандро alexander alex sandy
алексей лёша алёша лёха алекс лёшик лёня alexey alexis
альберт алик берт
альфред фред алик
амир
анатолий толя толик толян натоша anatoly anatole
андрей андрюша андрюха дрон дрюня andrew
антон тоша антоша антоха тоник тоня anthony
аркадий аркаша адик кадя
арман
армен
арсен сеня
арсений арсюша сеня сеничка арсик арс
артём тёма артёмка тёмыч тёмик артемий artyom
артур артурчик арт
архип
аскар
афанасий афоня фоня
ахмед ахмет
ахмад
богдан богдаша бодя даня
борис боря борька бориска боб
борислав боря слава
бронислав броня слава
вадим вадик вадя дима вадюша димыч
валентин валя валёк валик валентинчик
валерий валера валерик лера валерка лерик valery
василий вася василь васёк васька васюта базиль vasil basil
вениамин веня венюша беня benjamin
виктор витя витёк вика витюша victor
виталий виталик виталя вит таля
владимир вова володя вовчик влад вован вовка ладя димыч vladimir
владислав влад владик слава славик владя
влас
всеволод сева севочка лодя
вячеслав слава славик славка вяча слав
гавриил гаврила гаврик гаврюша gabriel
геннадий гена генка гендос геша гендосик
георгий гоша жора гога гера гошка жорик егор юра george
герасим гера сима
герман гера герка германчик herman
глеб глебушка глебчик
гордей гордя
григорий гриша гриня гришаня гришка гоша greg gregory
давид додик давидка дава david
даниил даня данила данил данилка данька данил daniel dan
дамир
денис деня дениска дэн диня ден dennis
демьян дёма
дмитрий дима митя димон димка димас митяй димитрий dmitry dima
евгений женя жека женька геша женёк eugene gene
евсей
егор гоша егорка жора егорушка гора
елисей еля елисейка
емельян емеля
ерёма еремей
ефим фима ефимка
ефрем
захар захарка зак
зиновий зяма зина
иван ваня ванька ванечка иванка ванюша ivan john jack
игнат игнаша игнатий гнат
игорь игорёк гоша гарик игоша гога igor
илларион ларик
ильдар дар
ильнур
ильяс
илья ильюша илюша илюха илька elijah
ильшат
иннокентий кеша иня кент
иосиф йося ося осип сеня joseph
ипполит
камиль
карен
карим
кирилл кира кирюша кирюха киря кирка кирик cyril
клим климент климка
константин костя костик костян костька котя kostya constantine
кузьма кузя
лаврентий лавр лаврик
лев лёва лёвушка лёвка лео leo
леонид лёня лёнька лёнчик лео ленчик leonid
леонтий лёня леонтий
лука лукаша luke lucas
макар макарка
максим макс максик максимка максюта максимилиан max
марат маратик
марк маркуша марик mark
мартин мартя
мартын
матвей мотя матюша матвейка мотька matthew
мирон мироша рон
мирослав слава мирик мир
митрофан митя
михаил миша мишка мишаня мишуня миха michael mike mikael
моисей мося мойша moses
мурат
муслим
назар назарка
наиль
никита ник никитка никитос кита
никифор
никодим
николай коля колян николаша колька ник никола коленька nikolas nicholas nick
нурлан
олег олежка олежа лёга олежек
онуфрий
оскар
остап
павел паша пашка павлик павлуша паха пашуня pavel paul
пантелеймон
пётр петя петруха петька петруша пётя петро peter
платон тоша платоша
прохор проша прошка
равиль
радик
радий
радислав слава
рамазан
рамиль рама
расул
рауф
рафаэль рафа рафик rafael
рафик
ренат
ринат
ричард рич
роберт роб робик боб
родион родя родик
роман рома ромка ромик ромчик роменька roman
ростислав ростик слава рост
рубен
рудольф рудик
рушан
руслан русик руся русланчик
рустам рустик рустам
рустем
савва савка
савелий сава савва савушка
самвел
самуил саня
святослав слава свят славик
семён сёма сеня сёмка сёмочка simon
серафим сима фима
сергей серёжа серёга серый серж сергуня sergey serge
спартак
станислав стас стасик слава стася stanley
степан стёпа стёпка степаша стива stephen stepan
султан
тагир
тарас тарасик
тимофей тима тимоша тимка тимоха тим timothy
тимур тима тимка тимурчик тим
тихон тиша тихоня
трифон
тигран тигранчик
фаддей
фарид
феликс феля фелик
фёдор федя федька федюня федос theodore
филат
филипп филя филиппок филька филип philip phil
фома фомка thomas
хасан
харитон
христофор
шамиль шамик
эдгар эдик
эдуард эдик эд эдя эдвард edward
эльдар эля
эмиль эмик мила
эмин
эрик
эрнест эрик
юлиан
юлий юлик
юрий юра юрик юрка юрок юраша george
яков яша яшка jacob
ян яник янек
ярослав слава ярик ясик
"""

WOMEN: Final = """
анита
анетта
астра
азиза
бронислава броня слава
виталия вита таля
ядвига ядя
глафира глаша
грета
дебора
дилара диля
домна
евпраксия
исидора
капитолина капа тоня лина
лаура
любава люба
марфа марфуша
матрёна мотя матрёша
милослава мила слава
милица мила
муза
наина ина
николь ника
нона
павла паша
пелагея поля пелаша
памела
рада
рахиль
саломея
сабрина
сильва
сильвия
стефанида стеша
степанида стеша
тереза
устинья юстя устя
федора
юнона
юстина юстя
августа
аврора
агата
агафья агаша
аглая глаша
агнесса агния
агриппина груня граня
ада адочка
аделина адель деля
азалия аза
аида
айгуль гуля
алевтина аля тина алевтинка
александра саша шура саня аля сашуля алекс александрина alexandra
алина аля алинка лина алиночка
алиса аля алиска алисочка alice
алла аллочка алка аля
алсу
альбина аля альбинка бина
альмира
алёна алёнка алёнушка лена елена
амина
анастасия настя ася стася настюша настёна настасья ана анастасья анастейша
ангелина геля лина ангелинка ангелиночка angelina
анжела анжелика анжелка лика angela
анжелика лика анжела
анисия
анна аня нюра анюта нюша анечка аннушка анька нюся асенька ася anne
антонина тоня тося нина тонечка
анфиса фиса
ариадна
арина аринка ариша рина
асель
аурика
белла бела
богдана дана
валентина валя валюша валечка тина
валерия лера валера лерочка
ванда
варвара варя варенька варюша вава barbara
василиса вася васёна лиса
вера верочка веруня верунчик верка
вероника ника вера верочка верон
виктория вика викуля виктоша тори викуся victoria vicky
виолетта виола вета летта
владислава влада слава
влада
галина галя галка галочка галчонок
гелена
гузель
гульнара гуля нара гуля
гульназ гуля
дана
дарина дара дарья даша
дарья даша дашуля дашка дашуня дарёна дария daria
диана дина ди дианочка диана diana
дина диночка
динара дина
доминика
ева евочка
евгения женя женечка жека евгеша jenny
евдокия дуня дуся евдоша
екатерина катя катюша катерина катюха катька кэт катрин катенька kate catherine katherine
елена лена алёна ленуся лёля леночка ленка еленка helen elena
елизавета лиза лизавета лизка лизонька бетти лизок elizabeth liz
есения сеня еся
ефросинья фрося
жанна жанночка жаннет
зарина зара
земфира зема
зинаида зина зиночка
злата златочка
зоя зоенька зойка
зульфия зуля
зухра
иванна
изабелла белла иза
илона
инга
инесса инна
инна инночка инуся
ия
ираида ира ирада
ирина ира иришка ириша ируся ирочка рина ирка irene
камилла кама мила
камила мила
карина кара рина каринка
каролина лина кара
кира кирочка
клавдия клава клаша
клара кларочка
кристина крис кристя тина кристинка christina chris
ксения ксюша оксана ксюха ксана ксеня аксинья ксюня xenia
лада ладушка
лариса лара лора лорик ларочка
лейла лейлочка
лиана лианочка
лидия лида лидочка лидуся
лика
лилия лиля лилечка лиля лика lily
лина линочка
лолита лола
луиза луза
любовь люба любаша любочка любаня любка
людмила люда мила люся людочка люсьена милочка
майя майечка мая
малика
маргарита рита марго маргоша риточка margaret
марианна маня мара маря
марина мариша маринка мара рина мариночка
мария маша маруся маня машенька муся мэри марья машуля mary маня
марта марточка martha
мила
милана мила лана милашка
милена мила лена
мирослава мира слава
надежда надя надюша наденька надюха надька
наиля
наргиза
наталья наташа ната натали наталия таша натуля талья natalie
нелли неля нелля
ника
нина нинуля ниночка нинка
нинель неля
нонна
олеся леся олеська алеся
ольга оля оленька олечка лёля ольчик олюшка лёля olga
оксана ксана ксюша окся оксанка
полина поля полинка лина полиночка паулина pauline
прасковья паша параша
раиса рая раечка
регина рена гина
рената рена ната
римма римочка
роза розочка
розалия роза лия
роксана рокси
руслана
руфина
сабина сабиночка
сания
сара
светлана света лана светик светочка ланочка светуля
серафима сима фима
снежана снежка жана
софья соня софа софия сонечка софочка соня sophie
стелла
стефания стеша стефа
сусанна сусаня
таисия тая тася таечка
тамара тома тамарочка томочка
татьяна таня танюша татьянка танечка танюха таша tanya
ульяна уля ульянка яна
фаина фая фаечка
фатима
фарида
флора
фёкла
христина
эвелина эва лина эвелинка
элеонора эля нора лёля
элина эля лина
эллина эля лина
эльвира эля эльвирочка вира
эльза
эльмира эля мира
эмилия эмма мила эми эмили emily
эмма эммочка
юлиана юля яна
юлия юля юленька юлечка юлька юляша julia julie
яна яночка янка
ярослава яся слава
ясмина
"""

# English names; those that are one with a Russian name stand in its line above as well.
ENGLISH: Final = """
aaron ron ronnie
abigail abby gail
abraham abe bram
adam
agnes aggie
alan al allan allen
albert al bert bertie
alexander alex al sandy alec xander lex
alexandra alex sandra sandy lexi
alexis alex lexi
alfred al fred alf alfie freddie
alice ally ali
alison ally ali allison
amanda mandy
amelia amy millie
amy
andrea andie drea
andrew andy drew
angela angie
angelina angie lina
ann annie anne nan nancy anna
anthony tony ant antony
antonia toni tony
archibald archie
arnold arnie
arthur art artie
ashley ash
audrey
augustus gus
barbara babs barb barbie
bartholomew bart
beatrice bea trixie
benedict ben
benjamin ben benny benji
bernard bernie
bradley brad
brandon
brian bryan
bridget bridie
caroline carrie carol lynn caro
cassandra cass cassie sandra
catherine cathy kate katie kathy cate katherine kathryn cat kit kitty kat katharine
cecilia celia
charles charlie chuck chas chip
charlotte charlie lottie
chester chet
christian chris
christina chris tina chrissy
christine chris tina chrissy
christopher chris kit topher
clarence
clifford cliff
clinton clint
cornelius neil
curtis curt
cynthia cindy
cyril
daniel dan danny
danielle dani
david dave davy davey
deborah deb debbie debra
dennis denny den
diana di
diane di
dominic dom nick
donald don donnie
dorothy dot dottie dolly
douglas doug
dylan
edgar ed
edith edie
edmund ed ned ted
edward ed eddie ted ned teddy
edwin ed eddie
eleanor ellie nell nora ella
elizabeth liz beth betty eliza lizzie bess lisa libby betsy elisabeth ellie
ellen nell ellie
emily em emmy
emma em
eric rick
ernest ernie
esther essie
eugene gene
eva eve evie
evelyn eve evie
ezekiel zeke
florence flo
frances fran frankie
francis frank fran
franklin frank
frederick fred freddie freddy frederic rick
gabriel gabe
gabrielle gabby
gareth gary
geoffrey geoff jeff jeffrey
george georgie
gerald gerry jerry
geraldine gerry
gertrude gertie trudy
gilbert gil bert
gordon
graham
gregory greg gregg
gwendolyn gwen
hannah
harold harry hal
harriet hattie
heather
helen nell nellie helena
henrietta etta
henry harry hank hal
herbert herb bert
herman
horace
howard howie
hubert hugh bert
hugh hughie
ian
irene rene
isaac ike zac
isabel bella izzy isabella belle
jack
jacob jake
jacqueline jackie
james jim jimmy jamie
jane janey
janet jan
jason jay
jean jeannie
jeffrey jeff
jennifer jen jenny
jeremiah jerry jem
jeremy jerry jem
jerome jerry
jessica jess jessie
jill
joan joanie
joanna jo joanne
john johnny jack jon
jonathan jon jonny nathan
joseph joe joey
josephine jo josie
joshua josh
joyce
judith judy jude
julia julie jules
julian jules
karen kaz
katherine kate kathy katie kat
kathleen kathy kath
keith
kenneth ken kenny
kevin kev
kimberly kim
laura laurie lori
lauren laurie
laurence larry laurie lawrence
leo
leonard len lenny leo
leslie les
lewis lew louis
lillian lily lil
linda lin lindy
lorraine lori
louis lou louie
louise lou
lucas luke
lucille lucy
lucy lu
madeline maddie
malcolm mal
marcus mark marc
margaret maggie meg peggy marge daisy greta madge rita
maria mary
marianne mary anne
marilyn
marion
mark
martha marty patty
martin marty
marvin marv
mary molly polly mae
matilda tilly mattie
matthew matt matty
maurice
maximilian max
megan meg
melanie mel
melissa mel lissa missy
melvin mel
michael mike mick mickey mikey micky
michelle shelly
mildred millie
miranda randy
mitchell mitch
monica
montgomery monty
muriel
nancy nan
natalie nat
nathan nate nat
nathaniel nate nat nathan
neil
nelson
nicholas nick nicky nico
nicole nicky nikki
norman norm
oliver ollie
olivia liv livvy
oscar
owen
pamela pam
patricia pat patty trish tricia
patrick pat paddy rick
paul
pauline polly
penelope penny
peter pete
philip phil pip phillip
phyllis
priscilla cilla
rachel rach
ralph
randolph randy
raymond ray
rebecca becky becca
reginald reg reggie
richard rick dick rich richie ricky
robert bob rob bobby robbie bert
roberta bobbie
robin rob
roderick rod rick
rodney rod
roger rodge
roland rollo
ronald ron ronnie
rosemary rose rosie
roy
rupert
russell russ
ruth ruthie
sabrina
samantha sam sammy
samson sam
samuel sam sammy
sandra sandy
sarah sally sadie sara
scott scotty
sean shaun shawn
sebastian seb
sharon shaz
sheila
sidney sid
silvester sly
simon si
sophia sophie
spencer
stanley stan
stephanie steph
stephen steve stevie steven
stuart stu stewart
susan sue susie suzy suzanne
sylvia
tabitha
tamara tammy
teresa terry tess tessa theresa
terence terry
theodore ted teddy theo
thomas tom tommy
timothy tim timmy
tobias toby
travis
valerie val
vanessa
veronica ronnie vera
victor vic
victoria vicky tori vic
vincent vince vinny
viola vi
violet vi
virginia ginny
vivian viv
walter walt wally
warren
wendy
wesley wes
wilfred will wilf fred
william bill will billy willy liam
winifred winnie
winston
yvonne
zachary zach zac
"""
