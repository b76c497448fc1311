import sys,shutil,os
shutil.copy(sys.argv[1],'/tmp/mk/'+os.path.basename(sys.argv[1])); sys.exit(1)
