"""The vocabulary of the arena: who, where, when and what the scripts talk about."""

from __future__ import annotations


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of `text`, which semicolons part."""
    return tuple(" ".join(text.split()).split("; "))


NAMES = phrases(
    """
    Mira; Tomas; Ilse; Rafael; Nadia; Owen; Priya; Lukas; Greta; Samir; Hanne; Diego; Yuki; Marta; Felix;
    Amara; Jonas; Leila; Piotr; Clara; Hugo; Ines; Viktor; Salma; Erik; Noor; Mateo; Freya; Anton; Zoe;
    Kofi; Elif; Bruno; Signe; Rhea; Dmitri; Paloma; Callum; Beatriz; Tariq; Linnea; Oscar; Farida; Emil;
    Joanna; Kenji; Astrid; Pablo; Ruth; Malik; Vera; Desmond; Aisha; Tobias
    """
)
TOWNS = phrases(
    """
    Girona; Leith; Bergen; Aarhus; Ghent; Trieste; Porto; Lublin; Graz; Tartu; Siena; Malmo; Cork; Nantes;
    Utrecht; Bath; Turku; Split; Lugano; Bremen; Vigo; Brno; Kaunas; Perugia; Exeter; Linz; Arles; Kotor;
    Delft; Uppsala; Cadiz; Durham; Basel; Rennes; Pecs
    """
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIMES = phrases(
    """
    half past six; a quarter to nine; ten o'clock; noon; twenty past four; seven in the morning; half past
    two; a quarter past five; eight in the evening; eleven o'clock; ten to three; half past seven
    """
)
COLOURS = phrases(
    """
    green; ochre; crimson; navy; ivory; turquoise; black; lilac; orange; silver; burgundy; mustard; grey;
    white; teal
    """
)
FOODS = phrases(
    """
    lentil soup; apple cake; potato salad; spinach pie; fish stew; cheese scones; rice pudding; plum
    dumplings; mushroom pasta; pea curry; onion tart; ginger biscuits; beet salad; stuffed peppers; walnut
    bread
    """
)
THINGS = phrases(
    """
    lantern; rug; bicycle; armchair; kettle; bookshelf; trolley; canoe; toolbox; mirror; radio; bench;
    projector; tent; sewing machine; record player; ladder; telescope; wheelbarrow; typewriter
    """
)
PLACES = phrases(
    """
    the blue tin; the hall cupboard; the glove box; the top drawer; the garden shed; the piano stool; the
    cellar; the bread bin; the attic chest; the laundry basket; the porch; the wardrobe; the pantry; the
    green suitcase; the workshop; the letter rack; the kitchen shelf; the boot room
    """
)
KIN = phrases(
    """
    neighbour; cousin; colleague; aunt; brother; landlord; old teacher; sister; uncle; flatmate; dentist
    """
)
GROUPS = phrases(
    """
    choir; brass band; chess club; rowing club; quilting circle; astronomy group; debating society;
    gardeners; film club; puppet theatre; hiking club; bakers' guild; orchestra; fire brigade; history
    society; scouts
    """
)
EVENTS = phrases(
    """
    concert; annual dinner; workshop; summer outing; exhibition; open day; tournament; auction; farewell
    party
    """
)
VENUES = phrases(
    """
    town hall; boathouse; old mill; library annex; harbour office; youth centre; parish hall; observatory;
    print shop; market office; guest house; bakery; train depot; clinic; school kitchen; ticket office
    """
)
DOORS = phrases(
    """
    bicycle cage; back gate; boathouse door; archive room; letter box; roof hatch; costume store; tool
    shed; freezer room; side entrance; music locker; safe; cellar door; garage
    """
)
KEEPSAKES = phrases(
    """
    spare key; guest list; torch; first-aid kit; train tickets; passport; tape measure; chequebook;
    camera; opera glasses; sewing kit; house plans; seed packets; door stamp; whistle; voucher; old map;
    ledger
    """
)
TASKS = phrases(
    """
    the lighting; the tickets; the seating plan; the flowers; the sound desk; the cloakroom; the programme
    notes; the first-aid post; the parking; the raffle; the washing-up; the welcome speech; the poster;
    the bookkeeping; the transport; the costumes; the coffee stall; the photographs
    """
)
STOCK = phrases(
    """
    folding chairs; paper lanterns; raffle tickets; wine glasses; blankets; tomato plants; name badges;
    song books; oil lamps; life jackets; postcards; tent pegs; candles; coat hangers; jam jars; flower
    pots
    """
)
STORES = (
    "in the hall",
    "in the cellar",
    "at the boathouse",
    "in the van",
    "in the annex",
    "at the mill",
    "in the shed",
)
FEATURES = phrases(
    """
    a piano; step-free access; a garden; a kitchen; a projector; a wooden floor; free parking; a stage; a
    fireplace; a balcony; a bar; a cloakroom; a skylight; a sound system; a playroom; a bus stop outside
    """
)
GIFTS = phrases(
    """
    a harmonica; a globe; a chess set; a wool scarf; a teapot; a kite; a star chart; a fountain pen; a
    jigsaw puzzle; a cookbook; a walking stick; a music box; a bird feeder; a leather wallet
    """
)
HOTELS = phrases(
    """
    the Larch; the Golden Anchor; the Old Post; the Heron; the Three Keys; the Mermaid; the Bellevue; the
    Sailor's Rest; the Linden; the Station Hotel; the White Stag; the Harbour View
    """
)
NICKNAMES = phrases(
    """
    Captain; Professor; Skipper; Chief; Maestro; Doc; Boss; Sparrow; Comrade; Colonel; Champ; Duchess;
    Major; Sunshine; Ace; Dean
    """
)
SIGNATURES = phrases(
    """
    yours, the night desk; with ink and patience; your humble clerk; warmly, the front office; over and
    out; always at the ready; from the crow's nest; greetings from the archive; until the next tide; your
    faithful scribe; cheers from the back room; signed, the duty officer
    """
)
FIRST_WORDS = phrases(
    """
    Noted; Understood; Ahoy; Certainly; Hear ye; Dear diary; Bulletin; Attention; Memo; Aye aye; Headline;
    Update
    """
)
THANKS = {
    "Italian": "Grazie mille",
    "German": "Vielen Dank",
    "Spanish": "Muchas gracias",
    "French": "Merci beaucoup",
    "Portuguese": "Muito obrigado",
    "Swedish": "Tack så mycket",
    "Dutch": "Hartelijk dank",
    "Polish": "Dziękuję bardzo",
}
COINS = phrases(
    """
    euros; pounds; dollars; crowns; francs; yen; rupees; pesos
    """
)
TREATS = phrases(
    """
    peppermint tea; almond biscuits; orange juice; rye bread; cherry yoghurt; ginger ale; honey cake;
    salted nuts; rice crackers; apple cider; dark chocolate; cheese sticks
    """
)
PET_NAMES = phrases(
    """
    the archive; the engine room; the chapel; the aquarium; the bunker; the greenhouse; the bridge; the
    den; the lobby; the studio; the vault; the loft
    """
)
ROOMS = (
    "the cellar",
    "the back room",
    "the box room",
    "the basement",
    "the spare office",
    "the top floor",
    "the side building",
)
