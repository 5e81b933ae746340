def vocabulary(): return ["{c1.name}","{c1.value}","reads","+,","+.","{josa:이/가}"]+["w"+chr(97+i//26)+chr(97+i%26) for i in range(300)]
