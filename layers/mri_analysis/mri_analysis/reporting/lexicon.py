"""The words a measured statement may be made of.

Words of measuring, names of structures and plain grammar. A word that is not here cannot be proved
by a measurement: the guard refuses the sentence, whatever it says. So a word is only added when no
sentence made of these words can tell a reader more than a measurement does.
"""

_GRAMMAR = """
    a about accordance according accordingly across add adding additionally adds after again
    against all alone along alongside also altogether amid among amongst an and any apart are
    aren't as at b back be been before begin being below beneath beside besides between beyond both
    but by can case come comes coming concerning consequently conversely correspondingly counted
    counting counts did do does doesn't doing done down each else entire entirely equal equally
    equals even every exact exactly following follows for from further furthermore given gives
    giving had half halves has have having hence here how however i ie if in including inclusive
    inside instead into is isn't it its itself just latter less lesser like likewise made make
    makes making moreover n namely next no none nor not of off on once one only onto or other
    others otherwise outside over overall part per pertain pertaining pertains plus regard
    regarding regards respective respectively same sense separately set sets share shared shares
    similarly simply since so some subsequently such taken than that the their them then there
    thereafter thereby therefore thereof thereto these they this those though through throughout
    thus till to together too total toward towards two under underneath up upon use used using via
    was way well were when whence where whereas whereby wherein which whichever while whilst whole
    whose with within without yet yields
"""
_MEASURING = """
    predominating enclosed
    absolute accompanied accompany accompanying accounted accounting accounts added aggregate
    aggregated aggregates ai algorithm allocated although amount amounted amounting amounts
    analysed analyses analysis analyzed applicable applied applies apply arrive arrives arriving
    assessed assessment assigned assignment associated attached attain attained attaining attains
    attributed attributes automated automatic automatically available average averages balance
    balanced band band's bands base based basis beginning begins bottom bound boundaries boundary
    bounded bounding bounds bracket bracketed bracketing brackets breakdown bring bringing brings
    calculated calculates calculating calculation calculations call called came carries carry cc
    ccm ceiling cent centimeter centimeters centimetre centimetres characterised characterized
    cited citing classification cm collectively column combined common comparative compare compared
    compares comparing comparison comparisons composed composing comprise comprised comprises
    comprising computation computed computes computing consisted consisting consists constitute
    constituted constitutes constituting contain contained containing contains content contents
    contribute contributes contributing conventional correspond corresponding corresponds count
    counterpart cover covered covers criterion criterion's cross crossed crosses crossing cubic
    current customary cut cutoff data dataset decided decision defined defining delineated
    delineates delivered delivers demonstrated demonstrates demonstrating denominator denoted
    derivation derive derived derives described describes description designated detail detailed
    details determination determined diameter diameters differ difference differences different
    differing differs dimension dimensions direction display displayed displaying displays distance
    distinct distribute distributed distribution divide divided divides dividing division
    documented documents drawn edge ei either encloses enclosing encompass encompassed encompasses
    encountered end ending ends engine entered equaling equalled equalling equate equated equates
    equating equivalent estimate estimated estimates estimating estimation etiv evaluated evaluates
    evaluation evenly exam examination examined exceed exceedance exceeded exceeding exceeds excess
    exhibit exhibited exhibiting exhibits express expressed expresses expressing extend extending
    extends extent exterior extraventricular fall falling falls favor favour fell figure figures
    fill fills find finding findings finds floor followed form formed former forming forms found
    fraction fractions furnishes gauge gauged gauges gave generated generates generating get gets
    give gm go goes going greater hand held hold holding holds identified identifies image images
    include included includes index index's indicate indicated indicates indicating indices
    individual individually inner interior interpretation interval intracranially issued joint
    jointly judged judgement judgment keep keeping keeps kept known labeled labelled labels land
    landing lands larger largest lateralisation lateralised lateralization lateralized leave leaves
    leaving left-hand lending length lengths level levels lie lies limit limit's limits listed
    listing lists located lower lying magnitude margin mark marks maximum measurable measure
    measured measurement measurements measures measuring mention mentioned method methods metric
    metrics midpoint milliliter milliliters millilitre millilitres millimeter millimeters
    millimetre millimetres minus ml mm modelled mri named nevertheless nonetheless note noted
    noting number numbers numerator numerical observe observed observes observing obtained
    obtaining obtains occupancy occupation occupied occupies occupy occupying offered ones ordinate
    output pair paired pairs parameter parameters parts pass passed passes passing percent
    percentage percentages performed place placed placement places placing plain point points
    pooled portion position positioned positioning positions presented presenting presents print
    printed produced produces producing proportion proportional proportions provided provides
    providing published put puts putting quantification quantified quantifies quantifying
    quantitative quantities quantity quote quoted quotient range ranged ranges ranging ratio
    ratio's ratios reach reached reaches reaching read reading readings reads recorded recording
    records refer reference referenced references referring reflected reflecting reflects register
    registered registers relate related relates relating relation relationship relative relatively
    remain remainder remaining remains report reported reporting reports represent represented
    representing represents reside resides residing rest resting rests result resulted resulting
    results return returned returns ribbon right-hand rise rises row run running runs sat scale
    scaled scan seen segment segmentation segmented segmenting separate settle settled settles
    shape show showing shown shows side sided sides sign signed simple sit sited sits sitting
    situated size sized sizes smaller smallest software span spanned spanning spans specified
    specifies spread stand standing stands start starting starts state stated statement states
    stating status stay staying stays structure structures study subdivided sum summary summed
    summing sums supplied surpass surpassed surpasses surpassing table tabulated take takes taking
    tallied tally tell tells termed terms threshold tiv top totaled totaling totalled totalling
    totals translate translated translates translating turn unequal uneven unit units upper usual
    usually value valued values varies verdict verdicts versus vol volume volumes volumetric
    volumetrically volumetry vs wide widest width widths withheld withholds wm yardstick yield
    yielded yielding
"""
_DIRECTIONS = """
    above accommodates agree agrees asymmetric asymmetrical asymmetrically asymmetry big bigger
    conform conforms consistent decreased dilated dominance elevated enlarged fit fits high higher
    highest identical increased large low lowest meet meets overshooting overshoots past
    predominance raised reduced respect respected respecting respects satisfied satisfies satisfy
    short small symmetric symmetrical symmetrically symmetry widened wider
"""
_ANATOMY = """
    anatomical axial basal bilateral bilaterally body bpf brain brain's brains brainstem cerebellar
    cerebellum cerebral cerebrospinal cerebrum cerebrum's compartment compartments component
    components cortex cortical cranial cranium csf deep evans evans' evans's external fluid frontal
    ganglia gray grey hemisphere hemispheres hemispheric hippocampal hippocampi hippocampi's
    hippocampus horn horns icv interhemispheric internal intracranial l lateral left left's
    left-sided lt matter maximal nuclei nucleus outer parenchyma parenchymal r right right's
    right-sided rt side's space spaces stem subcortical system thalami thalamic thalamus
    ventricle ventricles ventricles' ventricular white
"""

VOCABULARY = frozenset(f"{_GRAMMAR} {_MEASURING} {_DIRECTIONS} {_ANATOMY}".split())
