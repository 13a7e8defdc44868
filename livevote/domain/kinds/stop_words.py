"""Words that say nothing by themselves, by language: they stay out of a word cloud.

Apart from the cloud, and never changed: the logs of old clouds fold by these. A better list needs another name.
"""

_EN = """
a about after all also am an and any are as at be because been before being but by can could did do does for from get
had has have he her here him his how i if in into is it its just like me more most my no nor not of off on once only
or other our out over own same she should so some such than that the their them then there these they this those
through to too under up very was we were what when where which who why will with would you your
"""
_DE = """
aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein deine dem den der des dich die dies
diese dieser dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer für gegen hab habe haben
hat hatte hier ich ihm ihn ihr ihre im in ist ja jede jeder kann kein keine man mein meine mich mir mit nach nicht
noch nun nur ob oder ohne schon sehr sein seine sich sie sind so über um und uns unser unter vom von vor war was weil
wenn wer werden wie wir wird wo zu zum zur
"""
_ES = """
a al algo ante antes aquí así aunque cada como con contra cual cuando de del desde donde e el ella ellas ellos en
entre era es esa ese eso esta este esto estos está están fue ha hasta hay la las le les lo los me mi mis mucho muy más
ni no nos o otra otro para pero por porque que quien qué se ser si sin sobre son su sus sí también tan te tiene toda
todo todos tu tus un una uno unos y ya yo él
"""
_FR = """
ai alors au aussi aux avec avez avoir c ce ceci cela ces cet cette ceux chez comme d dans de des donc du elle elles en
entre est et eux fait il ils j je l la le les leur leurs lui là m ma mais me mes moi mon même n ne nos notre nous on
ont ou où par pas plus pour qu que quel quelle qui s sa sans se ses si son sont sous sur t ta te tes toi ton tout très
tu un une vos votre vous y à ça été être
"""
_PT = """
a ao aos aquela aquele aqui as assim até com como da das de dela dele do dos e ela elas ele eles em entre era essa
esse esta este eu foi há isso isto já lhe mais mas me mesmo meu meus minha muito na nas nem no nos não nós o os ou
para pela pelo por porque qual quando que quem se sem ser seu seus sobre sua são só também te tem tudo tão um uma umas
uns você à às é
"""
_ID = """
ada adalah agar akan aku anda atau bagi bahwa banyak belum bisa bukan dalam dan dapat dari dengan di dia hanya harus
hingga ini itu jika juga kami kamu karena ke kepada kita lagi lain lebih maka masih mereka namun oleh pada para pun
saat saja saya sebagai sebuah sedang seperti serta sudah supaya tanpa telah tentang tetapi tidak untuk yaitu yang
"""
_JA = """
が から こと この これ さん して しました します する その それ た だ だけ って つ て で です でも
と な ない に の は へ ます また まで も もの や よ より ね を
"""
_AR = """
أن أنا أنت أو أي إلى إن التي الذي الذين ثم حتى على عن عند في قد كان كل كما لا لكن لم لن ليس ما مع من منذ نحن هذا هذه
هل هم هن هو هي و ولا يا
"""

BY_LANGUAGE: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in (
        ("ar", _AR),
        ("de", _DE),
        ("en", _EN),
        ("es", _ES),
        ("fr", _FR),
        ("id", _ID),
        ("ja", _JA),
        ("pt", _PT),
    )
}
"""Each word in its common form, see ``written.form``."""
