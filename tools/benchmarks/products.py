"""Generates products with real words for the benchmarks of the search. The products are the same every time.

`python -m benchmarks.products` writes the first 1,200 of them to the file that the catalog's unit test reads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from engine.stack import ROOT

SEED = 20261121
IN_THE_SET = 1_200
SET = ROOT / "functions/catalog/src/search/relevance/products.tsv"


@dataclass(frozen=True)
class Product:
    """A product with its kind. The kind of a desk lamp is `desk lamp`, not `desk`."""

    name: str
    category: str
    description: str
    kind: str


# The kinds, qualities and sentences of each category.
CATEGORIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Furniture": (
        "desk, bookcase, armchair, sofa, coffee table, dining table, bar stool, wardrobe, nightstand, bench",
        "walnut, oak, birch, bamboo, teak, velvet, rattan, beech",
        ("Assembles in ten minutes without tools.", "Adjustable feet for uneven floors.", "Hidden drawer for chargers.",
         "Delivered flat, with every screw in a labelled bag.", "Upholstered by hand, with removable covers.")),
    "Lighting": (
        "desk lamp, floor lamp, table lamp, pendant light, wall sconce, string lights, chandelier, night light, lantern",
        "brass, linen, glass, dimmable, ceramic, paper, copper, rechargeable",
        ("Warm white, three levels of brightness.", "Bulb included, class A energy label.", "Touch switch in the base.",
         "The shade turns, so that the light falls where the book is.", "Works with every dimmer.")),
    "Kitchen": (
        "kettle, saucepan, skillet, colander, mixing bowl, cutting board, rolling pin, whisk, spatula, peeler, grater",
        "steel, cast iron, copper, enamel, bamboo, silicone, nonstick, granite",
        ("Dishwasher safe and made to last.", "For every stove, induction included.", "Handle stays cool on the fire.",
         "Measures engraved on the inside.", "Hangs from a hook beside the stove.")),
    "Coffee & Tea": (
        "espresso machine, coffee grinder, French press, teapot, tea infuser, milk frother, moka pot, coffee mug, café cup",
        "porcelain, glass, steel, double-walled, ceramic, burr, electric, travel",
        ("Brews four cups in a quarter of an hour.", "The filter lifts out for cleaning.", "Keeps crème brûlée notes in a dark roast.",
         "Holds its heat through a long breakfast.", "Quiet enough for early mornings.")),
    "Tableware": (
        "dinner plate, soup bowl, wine glass, tumbler, cutlery set, serving platter, salad bowl, carafe, placemat, napkin ring",
        "stoneware, porcelain, crystal, linen, olive wood, cork, melamine, marble",
        ("Stacks neatly in a small cupboard.", "Set of six in a gift box.", "Glazed by hand, no two alike.",
         "Safe in the microwave and in the oven.", "Heavy enough to feel right.")),
    "Groceries": (
        "olive oil, honey, jalapeño sauce, crème fraîche, oat granola, dark chocolate, green tea, sea salt, basil pesto, rye crackers",
        "organic, smoked, roasted, wild, stone-ground, spicy, unsweetened, Sicilian",
        ("Pressed within hours of the harvest.", "Contains nuts.", "Best with fresh bread.", "Fair trade, in a jar that is returned.",
         "A little goes a long way.")),
    "Bedding": (
        "duvet, pillow, mattress, quilt, pillowcase, fitted sheet, blanket, mattress topper, bedspread, bolster",
        "down, cotton, linen, wool, memory foam, bamboo, flannel, silk",
        ("Washable at sixty degrees.", "Breathes in summer, warms in winter.", "Tested for harmful substances.",
         "For sleepers who turn from side to side.", "Elastic all around, up to thirty centimetres.")),
    "Bathroom": (
        "bath towel, shower curtain, soap dish, bath mat, toothbrush holder, shower head, hand soap, towel rail, mirror cabinet",
        "cotton, bamboo, chrome, teak, waffle, stone, lavender, quick-dry",
        ("Soaks up twice its weight.", "No drilling, holds by suction.", "Free of palm oil.", "Does not slip on wet tiles.",
         "Saves a third of the water.")),
    "Garden": (
        "watering can, garden hose, pruning shears, wheelbarrow, plant pot, bird feeder, lawn mower, rake, trowel, greenhouse",
        "zinc, terracotta, galvanised, cordless, folding, cedar, hose-fed, frost-proof",
        ("Light enough for a balcony.", "Blades of hardened steel.", "Drains well, so that roots do not rot.",
         "Rolls over gravel and lawn.", "Stays outdoors all year.")),
    "Tools": (
        "cordless drill, hammer, screwdriver set, tape measure, jigsaw, spirit level, toolbox, wrench, sander, workbench",
        "magnetic, brushless, titanium, compact, ratcheting, heavy-duty, insulated, laser",
        ("Two batteries and a charger in a case.", "Grips that fit small hands too.", "Drops from a ladder without harm.",
         "For wood, metal and masonry.", "Spare blades included.")),
    "Audio": (
        "headphones, earbuds, bookshelf speaker, soundbar, turntable, microphone, record player, headphone stand, amplifier, radio",
        "wireless, noise-cancelling, studio, portable, waterproof, vintage, over-ear, bluetooth",
        ("Forty hours of battery.", "Balanced sound without booming bass.", "Pairs with two phones at once.",
         "Folds flat into its case.", "Hear every footstep of the orchestra.")),
    "Computers": (
        "laptop, monitor, keyboard, mouse, webcam, laptop stand, docking station, external drive, graphics tablet, mouse pad",
        "mechanical, ergonomic, curved, ultralight, backlit, wireless, aluminium, silent",
        ("One cable for power and picture.", "Hot-swappable switches.", "Runs all day between charges.", "Reads every memory card.",
         "A privacy shutter for the lens.")),
    "Phones & Cables": (
        "phone case, charging cable, power bank, wall charger, screen protector, phone holder, wireless charger, car charger, adapter",
        "braided, leather, magnetic, shockproof, slim, fast, tempered, recycled",
        ("Certified for fast charging.", "Survives a fall from the roof of a car.", "Two metres, with a strap to roll it up.",
         "Thin as a coin.", "For planes, trains and hotel rooms.")),
    "Cameras": (
        "tripod, camera bag, lens filter, memory card, instant camera, action camera, photo printer, binoculars, camera strap, "
        "light meter",
        "carbon, waterproof, compact, leather, polarising, padded, travel, professional",
        ("Stands firm on rocks and sand.", "Space for a body and three lenses.", "Photographs in a minute, to hold in the hand.",
         "Cuts glare on lakes and windows.", "Quick release with one finger.")),
    "Men's Clothing": (
        "shirt, T-shirt, jumper, trousers, rain jacket, overcoat, polo shirt, cardigan, chinos, swim shorts",
        "linen, merino, cotton, corduroy, cashmere, waterproof, flannel, stretch",
        ("Cut for broad shoulders.", "Does not need ironing.", "Taped seams keep the storm out.", "Buttons of corozo nut.",
         "Pre-shrunk, so that it stays your size.")),
    "Women's Clothing": (
        "dress, blouse, skirt, jeans, trench coat, leggings, jumpsuit, cardigan, kimono, summer dress",
        "silk, linen, denim, pleated, cotton, velvet, knitted, viscose",
        ("With pockets that hold a phone.", "Falls softly from the waist.", "Lined, and not transparent.", "High waist, wide leg.",
         "Worn alone or over a jumper.")),
    "Shoes": (
        "hiking boots, running shoes, sneakers, sandals, loafers, rain boots, slippers, trail shoes, ankle boots, espadrilles",
        "leather, waterproof, suede, canvas, breathable, vegan, wool, lightweight",
        ("Soles that grip on wet stone.", "Resoled when they are worn.", "No breaking in.", "Runs small: order a size more.",
         "Cushioned heel for long distances.")),
    "Bags": (
        "backpack, tote bag, suitcase, messenger bag, weekender, wallet, laptop sleeve, toiletry bag, belt bag, trolley",
        "canvas, leather, rolltop, waxed, foldable, hard-shell, nylon, recycled",
        ("Fits under an airline seat.", "Compartment for a computer.", "Four silent wheels.", "Straps that do not cut in.",
         "Ages beautifully.")),
    "Outdoor": (
        "tent, sleeping bag, camping stove, water bottle, headlamp, hammock, trekking poles, cool box, dry bag, picnic blanket",
        "ultralight, down, titanium, insulated, rechargeable, folding, carbon, waterproof",
        ("Pitched by one person in five minutes.", "Keeps drinks cold for a day.", "Warm down to minus ten.",
         "Weighs less than an apple.", "Packs into its own pocket.")),
    "Sports": (
        "yoga mat, dumbbell set, skipping rope, resistance bands, football, tennis racket, kettlebell, foam roller, swim goggles, "
        "bike helmet",
        "cork, adjustable, rubber, neoprene, carbon, cast iron, non-slip, inflatable",
        ("For beginners and for the ambitious.", "Comes with a bag to carry it.", "Does not smell of rubber.",
         "Ventilated, with a dial at the back.", "Kind to floors and joints.")),
    "Bikes": (
        "bike lock, bicycle pump, pannier, bike light, saddle, bike bell, mudguard, cargo trailer, tyre, repair kit",
        "foldable, leather, puncture-proof, brass, waterproof, gel, aluminium, hardened",
        ("Fits every frame without tools.", "Seen from two hundred metres.", "Opens with a key or a code.",
         "Keeps trousers clean.", "A gauge shows the pressure.")),
    "Toys": (
        "jigsaw puzzle, building blocks, teddy bear, board game, train set, dollhouse, kite, marble run, card game, rocking horse",
        "wooden, magnetic, plush, organic, cooperative, musical, giant, classic",
        ("From three years.", "Hours of quiet on a rainy afternoon.", "Painted with colours that may be licked.",
         "Two to four players, half an hour.", "Packed without plastic.")),
    "Baby": (
        "stroller, baby carrier, crib, high chair, changing mat, baby monitor, bib, pacifier, baby bottle, sleeping sack",
        "organic, folding, silicone, wooden, breathable, muslin, anti-colic, washable",
        ("From birth to three years.", "One hand opens it, one hand closes it.", "Boils clean in three minutes.",
         "Grows along with the child.", "Alerts a phone when there is crying.")),
    "Pets": (
        "dog bed, cat tree, dog leash, bird cage, pet carrier, litter box, scratching post, dog bowl, aquarium, cat toy",
        "orthopaedic, sisal, leather, reflective, washable, stainless, folding, catnip",
        ("Loved by old dogs.", "Cover comes off for the washing machine.", "Quiet filter, easy to clean.",
         "Keeps claws off the sofa.", "Travels by car and by train.")),
    "Office & Paper": (
        "notebook, fountain pen, desk organiser, stapler, letter tray, whiteboard, calendar, envelope, label printer, papier-mâché box",
        "recycled, leather, dotted, magnetic, brass, hardcover, undated, cork",
        ("Lies open flat, ink does not bleed through.", "For left and right hands.", "A page for every day.",
         "Keeps a desk tidy.", "Fits letters and invoices.")),
    "Beauty": (
        "face cream, shampoo, hand cream, lip balm, sunscreen, hair dryer, beard oil, body scrub, perfume, nail polish",
        "rose, almond, aloe, mineral, vegan, unscented, argan, calming",
        ("For dry and sensitive skin.", "Tested by dermatologists, not on animals.", "Smells of a garden after rain.",
         "Absorbs at once.", "Refills cost half.")),
}

COLOURS = ["black", "white", "sage", "navy", "terracotta", "mustard", "charcoal", "ivory", "burgundy", "olive", "rose", "sand", "indigo",
           "façade grey", "crimson", "teal"]
LINES = ["Harbour", "Meadow", "Alder", "Summit", "Atelier", "Lagoon", "Juniper", "Prairie", "Beacon", "Cobble", "Fjord", "Orchard",
         "Quarry", "Thistle", "Willow", "Canyon", "Ember", "Heron", "Larch", "Maple", "Nomad", "Pebble", "Raven", "Sparrow", "Tundra",
         "Velo", "Wren", "Zenith", "Aurora", "Bramble", "Cirrus", "Dune", "Eider", "Fennel", "Garnet", "Hazel", "Isle", "Jasper",
         "Kestrel", "Linden"]
# Sentences that mention another kind. A search for that kind must not rank such a product first.
BESIDE = ("Goes well with our {other}.", "Made in the same workshop as our {other}.", "Not sure? See our {other} instead.",
          "Shown here beside our {other}.")


def products() -> Iterator[Product]:
    """Yields an endless sequence of products with unique names. Kinds alternate."""
    chance = random.Random(SEED)
    kinds = [(category, kind) for category, (kinds, _, _) in CATEGORIES.items() for kind in kinds.split(", ")]
    named: set[str] = set()
    while True:
        chance.shuffle(kinds)
        for category, kind in kinds:
            product = _product(chance, category, kind, kinds)
            while product.name in named:
                product = _product(chance, category, kind, kinds, longer=True)
            named.add(product.name)
            yield product


def _product(chance: random.Random, category: str, kind: str, kinds: list[tuple[str, str]], longer: bool = False) -> Product:
    _, qualities, sentences = CATEGORIES[category]
    quality, colour = chance.choice(qualities.split(", ")), chance.choice(COLOURS)
    words = [chance.choice(LINES), _title(quality), _title(kind)]
    if longer or chance.random() < 0.3:
        words.append(_title(colour))
    if longer:
        words.append(str(chance.randrange(2, 1000)))
    description = [f"In {colour}.", *chance.sample(sentences, 2)]
    if chance.random() < 0.5:
        description.append(chance.choice(BESIDE).format(other=chance.choice(kinds)[1]))
    return Product(" ".join(words), category, " ".join(description), kind)


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split())


def main() -> None:
    """Writes the products of the catalog's unit test."""
    source = products()
    lines = [f"{p.name}\t{p.category}\t{p.description}\t{p.kind}" for p in (next(source) for _ in range(IN_THE_SET))]
    SET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
