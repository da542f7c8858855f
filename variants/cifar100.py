"""The 100 classes of CIFAR-100 and their 20 superclasses, in the official order, in English and in Russian."""

from collections.abc import Sequence

FINE = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip
FINE_RU = (
    "яблоко", "аквариумная рыбка", "младенец", "медведь", "бобр", "кровать", "пчела", "жук", "велосипед", "бутылка",
    "миска", "мальчик", "мост", "автобус", "бабочка", "верблюд", "консервная банка", "замок", "гусеница", "крупный рогатый скот",
    "стул", "шимпанзе", "часы", "облако", "таракан", "диван", "краб", "крокодил", "чашка", "динозавр",
    "дельфин", "слон", "камбала", "лес", "лиса", "девочка", "хомяк", "дом", "кенгуру", "клавиатура",
    "лампа", "газонокосилка", "леопард", "лев", "ящерица", "омар", "мужчина", "клён", "мотоцикл", "гора",
    "мышь", "гриб", "дуб", "апельсин", "орхидея", "выдра", "пальма", "груша", "пикап", "сосна",
    "равнина", "тарелка", "мак", "дикобраз", "опоссум", "кролик", "енот", "скат", "дорога", "ракета",
    "роза", "море", "тюлень", "акула", "землеройка", "скунс", "небоскрёб", "улитка", "змея", "паук",
    "белка", "трамвай", "подсолнух", "сладкий перец", "стол", "танк", "телефон", "телевизор", "тигр", "трактор",
    "поезд", "форель", "тюльпан", "черепаха", "платяной шкаф", "кит", "ива", "волк", "женщина", "червь",
)  # fmt: skip
SUPERCLASS = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3,
    3, 14, 9, 18, 7, 11, 3, 9, 7, 11,
    6, 11, 5, 10, 7, 6, 13, 15, 3, 15,
    0, 11, 1, 10, 12, 14, 16, 9, 11, 5,
    5, 19, 8, 8, 15, 13, 14, 17, 18, 10,
    16, 4, 17, 4, 2, 0, 17, 4, 18, 17,
    10, 3, 2, 12, 12, 16, 12, 1, 9, 19,
    2, 10, 0, 1, 16, 12, 9, 13, 15, 13,
    16, 19, 2, 4, 6, 19, 5, 5, 8, 19,
    18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip
SUPERCLASSES = (
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
    "household_electrical_devices", "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates", "people",
    "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
)  # fmt: skip
SUPERCLASSES_RU = (
    "водные млекопитающие", "рыбы", "цветы", "ёмкости для еды и напитков", "фрукты и овощи",
    "бытовые электроприборы", "мебель", "насекомые", "крупные хищники", "крупные сооружения",
    "природные пейзажи", "крупные всеядные и травоядные", "средние млекопитающие", "беспозвоночные, кроме насекомых", "люди",
    "пресмыкающиеся", "мелкие млекопитающие", "деревья", "транспорт 1", "транспорт 2",
)  # fmt: skip


def names(classes: Sequence[int], *, russian: bool = False) -> tuple[str, ...]:
    """Return the names of these classes (each 0..99), in the order given."""
    table = FINE_RU if russian else FINE
    return tuple([table[index] for index in classes])
